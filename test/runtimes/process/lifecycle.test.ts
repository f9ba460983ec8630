import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BURST_WINDOW_MS, mayRestart, recentRestarts } from '../../../src/runtimes/process/burst.ts'
import { exitOfStop } from '../../../src/runtimes/process/exits.ts'
import { parseAttemptFile } from '../../../src/runtimes/process/layout.ts'
import { endOrder, graceLeftMs, observedOf, shouldRestart } from '../../../src/runtimes/process/lifecycle.ts'
import { parsePsLine } from '../../../src/runtimes/process/ps.ts'
import { freshRecord, type ProgramRecord } from '../../../src/runtimes/process/records.ts'
import { storageVariable } from '../../../src/runtimes/process/storage.ts'
import type { ProgramExit } from '../../../src/runtimes/runtime.ts'
import { specOf } from './kill/workload.ts'

const NOW = 1_000_000
const crash: ProgramExit = { reason: 'exit-code', exitCode: 1, atMs: NOW }
const crashed: ProgramRecord = {
  ...freshRecord({ ...specOf('web', '/'), stop: { signal: 'SIGTERM', graceMs: 1_000 } }),
  want: 'run',
  attempt: 1,
  stage: 'ended',
  lastExit: crash,
}
const stopping = { signal: 'SIGINT', graceMs: 1_000, askedAtMs: NOW - 400 }

for (const [name, restartsAtMs, want] of [
  ['the first time', [], true],
  ['after two restarts', [NOW - 2, NOW - 1], true],
  ['not after three within a minute', [NOW - 3, NOW - 2, NOW - 1], false],
  ['once the first of three is a minute ago', [NOW - BURST_WINDOW_MS, NOW - 2, NOW - 1], true],
  ['not because the clock was set back', [NOW + 1e6, NOW + 1e6, NOW + 1e6], false],
] as const)
  test(`a crash is restarted ${name}`, () => assert.is(mayRestart(restartsAtMs, NOW), want))

test('a restart in the future counts as now', () =>
  assert.equal(recentRestarts([NOW + 5, NOW - BURST_WINDOW_MS], NOW), [NOW]))

for (const [name, change, want] of [
  ['after a crash', {}, true],
  ['not after success', { lastExit: { reason: 'success', atMs: NOW } }, false],
  ['not when it is to stop', { want: 'stop' }, false],
  ['not while a stop is under way, even if it is wanted again', { stopping }, false],
] as const)
  test(`it is started again at once ${name}`, () =>
    assert.is(shouldRestart({ ...crashed, ...change } as ProgramRecord, NOW), want))

for (const [name, record, running, want] of [
  ['starting before its claim', { stage: 'live' }, false, 'starting'],
  ['running', { stage: 'live' }, true, 'running'],
  ['stopping', { stage: 'live', stopping, want: 'stop' }, true, 'stopping'],
  ['starting between a crash and its restart', { stage: 'ended' }, true, 'starting'],
  [
    'stopping while its children end after success',
    { stage: 'ended', lastExit: { reason: 'success', atMs: 1 } },
    true,
    'stopping',
  ],
  ['exited', { stage: 'settled' }, true, 'exited'],
] as const)
  test(`it is seen as ${name}`, () => {
    const process = running ? { pid: 7, startedAtMs: 5 } : undefined
    const seen = observedOf({ ...crashed, ...record } as ProgramRecord, process, NOW)
    assert.is(seen.state, want)
    assert.is(
      seen.pid,
      want === 'running' || (want === 'stopping' && record.stage === 'live') ? 7 : undefined,
    )
  })

test('what is left of a grace period survives a clock that jumps', () => {
  assert.is(graceLeftMs(stopping, NOW), 600)
  assert.is(graceLeftMs(stopping, NOW + 1e6), 0)
  assert.is(graceLeftMs(stopping, NOW - 1e6), 1_000)
})

test('what a crash leaves behind has the grace period of its spec, a stop its own', () => {
  assert.equal(endOrder(crashed, 999, NOW), { signal: 'SIGTERM', kill: false })
  assert.equal(endOrder(crashed, 1_000, NOW), { signal: 'SIGTERM', kill: true })
  assert.equal(endOrder({ ...crashed, stopping }, 0, NOW), { signal: 'SIGINT', kill: false })
  assert.equal(endOrder({ ...crashed, stopping }, 0, NOW + 600), { signal: 'SIGINT', kill: true })
})

const killed: ProgramExit = { reason: 'signal', signal: 'SIGKILL', atMs: NOW }
for (const [name, exit, stop, reason] of [
  [
    'by the stop signal is success',
    { ...killed, signal: 'SIGTERM' },
    { signal: 'SIGTERM', wasOver: false },
    'success',
  ],
  [
    'by another signal is not',
    { ...killed, signal: 'SIGSEGV' },
    { signal: 'SIGTERM', wasOver: false },
    'signal',
  ],
  ['by SIGKILL after the grace period is a timeout', killed, { signal: 'SIGTERM', wasOver: true }, 'timeout'],
  ['by SIGKILL of someone else is not', killed, { signal: 'SIGTERM', wasOver: false }, 'signal'],
  ['by SIGKILL as the stop signal is success', killed, { signal: 'SIGKILL', wasOver: true }, 'success'],
  ['with a code stays that', crash, { signal: 'SIGTERM', wasOver: true }, 'exit-code'],
] as const)
  test(`an end ${name}`, () => assert.is(exitOfStop(exit as ProgramExit, stop).reason, reason))

for (const [file, want] of [
  ['a_b_c_0_.3.claim', { name: 'a_b_c_0_', attempt: 3 }],
  ['a.4.5.exit', { name: 'a.4', attempt: 5 }],
  ['a_b_c_0_.claim', undefined],
  ['shim.sh', undefined],
] as const)
  test(`the attempt of ${file}`, () => assert.equal(parseAttemptFile(file), want))

test('volumes are named in the environment', () => assert.is(storageVariable('my-data'), 'STORAGE_MY_DATA'))

for (const [line, want] of [
  ['  123  120  2048  0:01.50', [123, 120, 1500, 2048 * 1024]],
  ['1 1 10 1-02:03:04', [1, 1, 93_784_000, 10_240]],
  ['PID PGID RSS TIME', undefined],
] as const)
  test(`ps: ${line}`, () => {
    const found = parsePsLine(line)
    assert.equal(found && [found.pid, found.session, found.cpuMs, found.memoryBytes], want)
  })

test.run()
