import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import { programKey } from '../../../src/runtimes/runtime.ts'
import { unitName } from '../../../src/runtimes/systemd/names.ts'
import { ProgramTracker } from '../../../src/runtimes/systemd/tracker.ts'

const id = { namespace: 'default', service: 'web', templateHash: 'h3kq9x2mzc', ordinal: 0, program: '' }
const unit = unitName(id)
const key = programKey(id)
/** What systemd says on the way of a unit, in the order in which it says it. */
const queued = { activeState: 'inactive', subState: 'dead', job: 7 }
const preparing = { activeState: 'activating', subState: 'start', job: 7 }
const process1 = {
  mainPid: 10,
  execPid: 10,
  execStartUs: 1_000_000,
  execExitUs: 0,
  restarts: 0,
  result: 'success',
}
const active = { activeState: 'active', subState: 'running', job: 0 }
const killed = {
  mainPid: 0,
  execPid: 10,
  execStartUs: 1_000_000,
  execExitUs: 2_000_000,
  execCode: 2,
  execStatus: 9,
  result: 'signal',
}
const exited7 = { ...killed, execCode: 1, execStatus: 7, result: 'exit-code' }
const failed = { activeState: 'failed', subState: 'failed', job: 0 }
const waiting = { activeState: 'activating', subState: 'auto-restart', job: 0 }
const process2 = { ...process1, mainPid: 11, execPid: 11, execStartUs: 3_000_000, restarts: 1 }

function setup() {
  const clock = new ManualClock()
  const tracker = new ProgramTracker(clock)
  const states: (string | undefined)[] = []
  tracker.onChange(() => {
    const state = tracker.observe().get(key)?.state
    if (states.at(-1) !== state) states.push(state)
  })
  return { clock, tracker, states, see: () => tracker.observe().get(key) }
}

function start(tracker: ProgramTracker): void {
  tracker.startRequested(id)
  tracker.startAnswered(id, true)
  tracker.changed(unit, queued)
  tracker.changed(unit, preparing)
  tracker.changed(unit, process1)
  tracker.changed(unit, active)
}

test('a start is starting until it runs, and never looks ended between', () => {
  const { tracker, states, see } = setup()
  start(tracker)
  assert.equal(states, ['starting', 'running'])
  assert.equal(see(), { id, state: 'running', pid: 10, startedAtMs: 1_000, restarts: 0 })
})

test('a crash and its restart never look ended, and count when the new process is there', () => {
  const { tracker, states, see } = setup()
  start(tracker)
  states.length = 0
  for (const change of [killed, failed, { ...killed, restarts: 1 }, waiting]) tracker.changed(unit, change)
  assert.is(see()?.restarts, 0)
  assert.equal(see()?.lastExit, { reason: 'signal', signal: 'SIGKILL', atMs: 2_000 })
  for (const change of [process2, active]) tracker.changed(unit, change)
  assert.not.ok(states.includes('exited'), states.join())
  assert.equal([see()?.state, see()?.pid, see()?.restarts], ['running', 11, 1])
})

test('a unit that stays dead is exited when it is removed, with how it ended', () => {
  const { tracker, see } = setup()
  start(tracker)
  tracker.changed(unit, exited7)
  tracker.changed(unit, failed)
  assert.is.not(see()?.state, 'exited')
  tracker.removed(unit)
  assert.equal(see(), {
    id,
    state: 'exited',
    restarts: 0,
    lastExit: { reason: 'exit-code', exitCode: 7, atMs: 2_000 },
  })
})

test('one that somebody holds on to is exited after a while', () => {
  const { tracker, clock, see } = setup()
  start(tracker)
  tracker.changed(unit, exited7)
  tracker.changed(unit, failed)
  clock.advance(10_000)
  assert.is(see()?.state, 'exited')
})

test('a restart that systemd counted and then refused did not happen', () => {
  const { tracker, see } = setup()
  start(tracker)
  tracker.changed(unit, { ...exited7, restarts: 1 })
  tracker.changed(unit, waiting)
  tracker.changed(unit, failed)
  tracker.removed(unit)
  assert.is(see()?.restarts, 0)
})

test('restarts only grow, over starts and over a restart of ours', () => {
  const { tracker, see } = setup()
  start(tracker)
  tracker.changed(unit, { ...killed, restarts: 1 })
  tracker.changed(unit, process2)
  tracker.removed(unit)
  start(tracker)
  assert.is(see()?.restarts, 1)
  const later = setup()
  later.tracker.remember(tracker.memories())
  later.tracker.all(new Map([[unit, { ...active, ...process1, restarts: 2 }]]))
  assert.is(later.see()?.restarts, 3)
})

test('what ended while nobody listened is found by its count, or by its absence', () => {
  const { tracker } = setup()
  start(tracker)
  const memories = tracker.memories()
  for (const c of [
    { units: new Map([[unit, { ...active, ...process1 }]]), want: [] },
    { units: new Map([[unit, { ...active, ...process2 }]]), want: [id] },
    { units: new Map(), want: [id] },
  ]) {
    const later = setup()
    later.tracker.remember(memories)
    later.tracker.all(c.units)
    assert.equal(later.tracker.missedSince(memories), c.want)
  }
})

test('a live unit is not gone because systemd lets go of all units to execute itself anew', () => {
  const { tracker, states } = setup()
  start(tracker)
  tracker.removed(unit)
  assert.equal(states, ['starting', 'running'])
  tracker.all(new Map())
  assert.equal(states, ['starting', 'running', 'exited'], 'what is not listed afterwards is gone')
})

test('the last words of a unit that was forgotten do not bring it back', () => {
  const { tracker, see } = setup()
  start(tracker)
  assert.not.ok(tracker.forget(id), 'what runs is not forgotten')
  tracker.changed(unit, exited7)
  tracker.changed(unit, failed)
  tracker.removed(unit)
  assert.ok(tracker.forget(id))
  assert.is(see(), undefined)
  tracker.changed(unit, exited7)
  tracker.changed(unit, failed)
  assert.is(see(), undefined)
})

for (const c of [
  {
    name: 'a program that was never reached',
    changes: [queued, preparing, process1, { ...killed, execCode: 1, execStatus: 203, result: 'exit-code' }],
    reason: 'exec',
  },
  {
    name: 'a program that exits with 203 itself',
    changes: [queued, process1, active, { ...killed, execCode: 1, execStatus: 203, result: 'exit-code' }],
    reason: 'exit-code',
  },
  {
    name: 'want of memory',
    changes: [process1, active, { ...killed, result: 'oom-kill' }],
    reason: 'oom-kill',
  },
  {
    name: 'a stop that took too long',
    changes: [process1, active, { ...killed, result: 'timeout' }],
    reason: 'timeout',
  },
  {
    name: 'a core dump',
    changes: [process1, active, { ...killed, execCode: 3, execStatus: 11, result: 'core-dump' }],
    reason: 'core-dump',
  },
  {
    name: 'an orderly end',
    changes: [process1, active, { ...killed, execCode: 1, execStatus: 0, result: 'success' }],
    reason: 'success',
  },
  { name: 'no process at all', changes: [queued, { ...failed, result: 'resources' }], reason: 'resources' },
])
  test(`the end is told apart: ${c.name}`, () => {
    const { tracker, see } = setup()
    tracker.startRequested(id)
    tracker.startAnswered(id, true)
    for (const change of c.changes) tracker.changed(unit, change)
    tracker.removed(unit)
    assert.is(see()?.lastExit?.reason, c.reason)
  })

test('a start that was refused leaves it exited', () => {
  const { tracker, states } = setup()
  tracker.startRequested(id)
  tracker.startAnswered(id, false)
  assert.equal(states, ['starting', 'exited'])
})

test('a program that begins and ends before its start is answered has ended', () => {
  const { tracker, see } = setup()
  tracker.startRequested(id)
  for (const change of [{ activeState: 'activating' }, { ...active, ...process1 }, exited7, failed])
    tracker.changed(unit, change)
  tracker.removed(unit)
  assert.is(see()?.state, 'starting', 'the answer may be about a later start')
  tracker.startAnswered(id, true)
  assert.is(see()?.state, 'exited')
  assert.is(see()?.lastExit?.exitCode, 7)
})

test('an end that is heard while a start is pending is that of the run before', () => {
  const { tracker, see } = setup()
  start(tracker)
  tracker.changed(unit, exited7)
  tracker.startRequested(id)
  tracker.changed(unit, failed)
  tracker.removed(unit)
  tracker.startAnswered(id, true)
  assert.is(see()?.state, 'starting')
})

test('that a live unit is gone is not believed until all are listed', () => {
  const { tracker, see } = setup()
  start(tracker)
  assert.is(tracker.removed(unit), false)
  assert.is(see()?.state, 'running')
  tracker.all(new Map())
  assert.is(see()?.state, 'exited')
  assert.is(tracker.removed(unit), true)
})

test('that a unit is gone whose start is queued is not believed either', () => {
  const { tracker, see } = setup()
  tracker.startRequested(id)
  tracker.startAnswered(id, true)
  tracker.changed(unit, queued)
  assert.is(tracker.removed(unit), false)
  assert.is(see()?.state, 'starting')
  tracker.all(new Map())
  assert.is(see()?.state, 'exited')
})

test.run()
