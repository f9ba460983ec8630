/** What is written of an instance, and what the announcer was told before. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeRecord } from '../../../src/agent/instance/record.ts'
import { Reporter } from '../../../src/agent/instance/report.ts'
import { ManualClock } from '../../../src/core/clock.ts'
import type { Instance, InstanceStatus } from '../../../src/resources/generated/types.ts'
import { refOfObject } from '../../../src/resources/object.ts'
import type { ObservedProgram, RuntimeInfo } from '../../../src/runtimes/runtime.ts'
import { instance } from '../catalog/instances.ts'

const PLAN = { actions: [], stopped: false, waitMs: undefined }
const INFO = { name: 'process', cannot: [] } as unknown as RuntimeInfo

/** One of whose program is running, before that was written; `meanwhile` happens while the catalog is waited for. */
function scene(meanwhile: (clock: ManualClock, observed: Map<string, ObservedProgram>) => void) {
  const web: Instance = { ...instance({}), status: { phase: 'Starting', ready: false } as InstanceStatus }
  const clock = new ManualClock()
  const running = { id: {}, state: 'running', restarts: 0, pid: 7, startedAtMs: clock.now() }
  const observed = new Map([['key', running as unknown as ObservedProgram]])
  const record = makeRecord(web, [{ name: '', key: 'key' }], observed)
  const [welcomed, retracted, written, told] = [[], [], [], []] as [
    InstanceStatus[],
    string[],
    InstanceStatus[],
    string[],
  ]
  const reporter = new Reporter({
    api: { updateStatus: async (_, status) => void written.push(status as unknown as InstanceStatus) },
    runtime: { info: INFO },
    clock,
    announcer: {
      async welcome(_, status) {
        welcomed.push(status)
        meanwhile(clock, observed)
      },
      retract: ({ metadata }) => void retracted.push(metadata.name),
      conditionOf: () => ({ type: 'Registered', status: 'True', reason: 'Registered' }),
    },
    observed: () => observed,
    tell: async (_, { reason }) => void told.push(reason),
  })
  const report = () =>
    reporter.report({ ref: refOfObject(web as never), instance: web, record, plan: PLAN as never })
  return { report, welcomed, retracted, written, told }
}

test('it is said to be ready since the announcer was told, however long that took', async () => {
  const { report, welcomed, retracted, written, told } = scene((clock) => clock.advance(200))
  await report()
  assert.is(welcomed.length, 1)
  assert.is(written[0]?.ready, true)
  assert.is(written[0]?.readySince, welcomed[0]?.readySince)
  assert.equal([told, retracted], [['Ready'], []])
  await report()
  assert.equal([welcomed.length, written.length], [1, 1], 'and once')
})

test('one that ends while the announcer is told is not said to be ready', async () => {
  const { report, retracted, written, told } = scene((_, observed) => observed.clear())
  await report()
  assert.is(written[0]?.ready, false)
  assert.equal([told, retracted], [[], ['web-0-k2p9x']])
})

test.run()
