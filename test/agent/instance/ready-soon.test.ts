/** Which statuses wait for a verdict. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ComingUp, readySoonMs } from '../../../src/agent/instance/ready-soon.ts'
import type { InstanceStatus } from '../../../src/resources/generated/types.ts'

const START_MS = Date.parse('2026-11-21T10:00:00Z')
const STARTING = { phase: 'Starting', ready: false, restarts: 0 } as InstanceStatus
const RUNNING = {
  ...STARTING,
  phase: 'Running',
  startedAt: new Date(START_MS).toISOString(),
  pid: 7,
} as InstanceStatus
const JUST_STARTED: ComingUp = {
  status: RUNNING,
  written: STARTING,
  programs: [{ name: 'web', readiness: undefined }],
  hasReadiness: () => true,
  nowMs: START_MS + 50,
}

test('one that has just started waits for its first verdict, but not for long', () => {
  assert.is(readySoonMs(JUST_STARTED), 200)
  assert.is(readySoonMs({ ...JUST_STARTED, nowMs: START_MS + 249 }), 1)
})

for (const { name, ...differs } of [
  { name: 'it has been a while', nowMs: START_MS + 250 },
  { name: 'the clock was put back', nowMs: START_MS - 60_000 },
  { name: 'nobody asks whether it is ready', hasReadiness: () => false },
  { name: 'it is ready', status: { ...RUNNING, ready: true } },
  { name: 'a verdict is there', programs: [{ name: 'web', readiness: { healthy: false } }] },
  {
    name: 'one of several is not ready',
    programs: [
      { name: 'web', readiness: undefined },
      { name: 'side', readiness: { healthy: false } },
    ],
  },
  { name: 'it ran before', written: RUNNING, status: { ...RUNNING, pid: 8 } },
  { name: 'nothing was written yet', written: undefined },
  { name: 'it has been restarted', status: { ...RUNNING, restarts: 1 } },
  { name: 'it is ending', status: { ...RUNNING, phase: 'Stopping' } as InstanceStatus },
] satisfies ({ readonly name: string } & Partial<ComingUp>)[])
  test(`it is told at once where ${name}`, () => {
    assert.is(readySoonMs({ ...JUST_STARTED, ...differs }), undefined)
  })

test.run()
