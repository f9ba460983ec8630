/** What becomes of how a run ended when the run is deleted: its Job may have yet to count it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeRecord } from '../../../src/agent/instance/record.ts'
import { instanceStatus } from '../../../src/agent/instance/status.ts'
import { runViewOf } from '../../../src/controllers/job/runs.ts'
import type { Instance, InstanceStatus } from '../../../src/resources/generated/types.ts'
import type { ObservedProgram } from '../../../src/runtimes/runtime.ts'

type State = NonNullable<InstanceStatus['programs']>[number]['state']

/** Deleted, with that written before; its programs are as the runtime says. */
function ofDeleted(
  phase: NonNullable<InstanceStatus['phase']>,
  states: readonly State[],
  seen: readonly (ObservedProgram | undefined)[] = [],
): InstanceStatus {
  const names = states.map((_, index) => `p${index}`)
  const status = {
    phase,
    ready: false,
    restarts: 0,
    programs: states.map((state, index) => ({ name: names[index]!, state, ready: false, restarts: 0 })),
  }
  const instance = {
    kind: 'Instance',
    metadata: { name: 'load-0', uid: 'u', deletionTimestamp: '2026-11-21T12:00:00Z' },
    spec: { restartPolicy: 'Never', ordinal: 0, template: { programs: names.map((name) => ({ name })) } },
    status,
  } as unknown as Instance
  const observed = new Map(seen.flatMap((one, index) => (one === undefined ? [] : [[names[index]!, one]])))
  const record = makeRecord(
    instance,
    names.map((name) => ({ name, key: name })),
    observed,
  )
  return instanceStatus({
    ...{ instance, record, observed, hasReadiness: () => false, hasStartup: () => false, waiting: false },
    info: { cannot: [] } as never,
    stopped: seen.every((one) => one === undefined || one.state === 'exited'),
    registered: () => undefined,
    nowMs: 0,
  })
}

const exited = (reason: 'signal' | 'success') =>
  ({ state: 'exited', restarts: 0, lastExit: { reason, atMs: 1 } }) as unknown as ObservedProgram

for (const one of [
  { name: 'a failed run stays failed', phase: 'Failed', states: ['failed'], want: 'failed' },
  { name: 'one that succeeded stays so', phase: 'Succeeded', states: ['succeeded'], want: 'succeeded' },
  { name: 'one that could not be started has failed', phase: 'Failed', states: ['pending'], want: 'failed' },
  {
    name: 'one half of whose programs failed, too',
    phase: 'Failed',
    states: ['running', 'failed'],
    want: 'failed',
  },
  {
    name: 'one that ran has not failed because it was ended',
    phase: 'Running',
    states: ['running'],
    seen: [exited('signal')],
    want: 'active',
  },
  {
    name: 'nor has one whose programs end one after the other',
    phase: 'Stopping',
    states: ['running', 'running'],
    seen: [exited('signal'), { state: 'stopping', restarts: 0 } as unknown as ObservedProgram],
    want: 'active',
  },
] as const)
  test(`of a run that is deleted: ${one.name}`, () => {
    const status = ofDeleted(one.phase, one.states, 'seen' in one ? one.seen : [])
    assert.match(status.phase ?? '', /^Stopp/)
    const instance = { metadata: { name: 'x' }, spec: { ordinal: 0 }, status } as unknown as Instance
    assert.is(runViewOf(instance, false).state, one.want)
  })

test.run()
