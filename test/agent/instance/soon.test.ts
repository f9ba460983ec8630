/** Which statuses wait for what follows. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Passing, soonMs } from '../../../src/agent/instance/soon.ts'
import type { InstanceStatus } from '../../../src/resources/generated/types.ts'

const START_MS = Date.parse('2026-11-21T10:00:00Z')
const STARTING = { phase: 'Starting', ready: false, restarts: 0 } as InstanceStatus
const RUNNING = {
  ...STARTING,
  phase: 'Running',
  startedAt: new Date(START_MS).toISOString(),
  pid: 7,
} as InstanceStatus
const JUST_STARTED: Passing = {
  status: RUNNING,
  written: STARTING,
  programs: [{ name: 'web', readiness: undefined }],
  hasReadiness: () => true,
  endingSinceMs: undefined,
  nowMs: START_MS + 50,
}
const STOPPING = { ...RUNNING, phase: 'Stopping', pid: 7 } as InstanceStatus
const JUST_TOLD: Passing = {
  ...JUST_STARTED,
  status: STOPPING,
  written: { ...RUNNING, ready: true },
  endingSinceMs: START_MS + 10_000,
  nowMs: START_MS + 10_050,
}

test('one that has just started waits until it is ready, but not for long', () => {
  assert.is(soonMs(JUST_STARTED), 2_950)
  assert.is(soonMs({ ...JUST_STARTED, nowMs: START_MS + 2_999 }), 1)
  const unready = [{ name: 'web', readiness: { healthy: false } }]
  assert.is(
    soonMs({ ...JUST_STARTED, programs: unready }),
    2_950,
    'it need not listen when it is first asked',
  )
})

test('one that has just been told to end waits for its end, but not for long', () => {
  assert.is(soonMs(JUST_TOLD), 950)
  assert.is(soonMs({ ...JUST_TOLD, nowMs: START_MS + 10_999 }), 1)
})

for (const { name, ...differs } of [
  { name: 'it has been a while', nowMs: START_MS + 3_000 },
  { name: 'the clock was put back', nowMs: START_MS - 60_000 },
  { name: 'nobody asks whether it is ready', hasReadiness: () => false },
  { name: 'it is ready', status: { ...RUNNING, ready: true } },
  { name: 'all say that they are ready', programs: [{ name: 'web', readiness: { healthy: true } }] },
  { name: 'it ran before', written: RUNNING, status: { ...RUNNING, pid: 8 } },
  { name: 'nothing was written yet', written: undefined },
  { name: 'it has been restarted', status: { ...RUNNING, restarts: 1 } },
] satisfies ({ readonly name: string } & Partial<Passing>)[])
  test(`a start is told at once where ${name}`, () => {
    assert.is(soonMs({ ...JUST_STARTED, ...differs }), undefined)
  })

for (const { name, ...differs } of [
  { name: 'it has been a while', nowMs: START_MS + 11_000 },
  { name: 'the clock was put back', nowMs: START_MS },
  { name: 'it is over', status: { ...STOPPING, phase: 'Stopped' } as InstanceStatus },
  { name: 'nothing was written yet', written: undefined },
  { name: 'it has failed meanwhile', status: { ...STOPPING, restarts: 1 } },
] satisfies ({ readonly name: string } & Partial<Passing>)[])
  test(`an end is told at once where ${name}`, () => {
    assert.is(soonMs({ ...JUST_TOLD, ...differs }), undefined)
  })

test.run()
