/** Run inside a node: what is fenced ends by PID 1's hand alone, in time, and is not started again before its fence is up. */
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FENCE_KILL_MS, FENCE_STOP_MS } from '../../../../src/resources/fencing.ts'
import { type ProgramSpec, programKey } from '../../../../src/runtimes/runtime.ts'
import type { SystemdRuntime } from '../../../../src/runtimes/systemd/runtime.ts'
import { eventually } from '../../contract/fixture.ts'
import { openHarness, property, scope, systemctl } from './fixture.ts'

const test = suite(`fence (${scope})`)
const harness = openHarness()
let runtime: SystemdRuntime

const spec = (service: string, script: string, fenced = true): ProgramSpec => ({
  id: { namespace: 'default', service, templateHash: 'h3kq9x2mzc', ordinal: 0, program: '' },
  command: ['/bin/sh', '-c', script],
  workingDir: '/',
  env: { PATH: '/usr/bin:/bin', NSCTL_FENCING_TOKEN: '7' },
  storage: [],
  limits: {},
  // longer than the fence has patience
  stop: { signal: 'SIGTERM', graceMs: 60_000 },
  network: 'host',
  relax: scope === 'user' ? [] : ['all'],
  ...(fenced ? { fenced: true } : {}),
})
const IDLE = 'while :; do sleep 0.1; done'
const polite = spec('polite', IDLE)
const stubborn = spec('stubborn', `trap "" TERM; ${IDLE}`)
const plain = spec('plain', IDLE, false)
const stateOf = ({ id }: ProgramSpec) => runtime.observe().get(programKey(id))?.state
const pidOf = ({ id }: ProgramSpec) => runtime.observe().get(programKey(id))?.pid ?? 0
const start = (one: ProgramSpec) => runtime.start(one, AbortSignal.timeout(10_000)).catch(() => {})
const runs = (one: ProgramSpec) => stateOf(one) === 'running'
const watches = () =>
  systemctl('list-units', '--plain', '--no-legend', '--state=active,activating', 'nsctl.fence@*.service')
    .split('\n')
    .filter((line) => line !== '').length

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** When each of the processes was gone, in milliseconds after `fromMs`. */
async function endsOf(pids: readonly number[], fromMs: number, untilMs: number): Promise<readonly number[]> {
  const ends = new Map<number, number>()
  while (ends.size < pids.length && performance.now() - fromMs < untilMs) {
    for (const pid of pids) if (!ends.has(pid) && !isAlive(pid)) ends.set(pid, performance.now() - fromMs)
    await sleep(20)
  }
  return pids.map((pid) => ends.get(pid) ?? Number.POSITIVE_INFINITY)
}

test.before(async () => {
  runtime = await harness.open()
})

test('without a fence nothing of it is started, and the rest is', async () => {
  await Promise.all([start(polite), start(plain)])
  await eventually('the other one runs', () => runs(plain))
  await sleep(300)
  assert.not(runs(polite))
})

test('armed and not confirmed, it is not either', async () => {
  await runtime.arm()
  await start(polite)
  await sleep(300)
  assert.not(runs(polite))
})

test('with one it runs, knows its token, is measured and is restarted at once', async () => {
  await (await runtime.arm()).confirm()
  await Promise.all([start(polite), start(stubborn)])
  await eventually('both run', () => runs(polite) && runs(stubborn))
  assert.is(property(polite.id, 'Slice'), 'nsctl-unique.slice')
  assert.equal(
    runtime
      .fenced()
      .map(({ service }) => service)
      .sort(),
    ['polite', 'stubborn'],
  )
  await eventually('it is measured', async () =>
    (await runtime.usage()).some(({ key }) => key === programKey(polite.id)),
  )
  assert.is(watches(), 1)
  const before = pidOf(polite)
  process.kill(before, 'SIGKILL')
  await eventually('it is back', () => runs(polite) && pidOf(polite) !== before)
})

test('renewed, it runs on, whoever renews it', async () => {
  const before = pidOf(stubborn)
  for (let renewals = 0; renewals < 4; renewals++) {
    await (await runtime.arm()).confirm()
    await eventually('one watch is left', () => watches() === 1)
    if (renewals === 2) {
      await runtime.close()
      runtime = await harness.open()
    }
    await sleep(FENCE_STOP_MS / 3)
  }
  assert.is(pidOf(stubborn), before)
  assert.ok(runs(polite))
})

test('not renewed, it ends in time, and nothing else does', async () => {
  const other = pidOf(plain)
  const fromMs = performance.now()
  await (await runtime.arm()).confirm()
  // armed again, and never known to have gone through: what counts is the one before
  setTimeout(() => void runtime.arm(), 4_000)
  const [politeMs, stubbornMs] = await endsOf([pidOf(polite), pidOf(stubborn)], fromMs, 20_000)
  console.log(
    `fence (${scope}): asked to end after ${politeMs!.toFixed()} ms, killed after ${stubbornMs!.toFixed()} ms`,
  )
  assert.ok(politeMs! >= FENCE_STOP_MS - 100 && politeMs! < FENCE_STOP_MS + 1_000)
  assert.ok(stubbornMs! >= FENCE_KILL_MS - 100 && stubbornMs! < FENCE_KILL_MS + 1_000)
  assert.is(pidOf(plain), other)
  await sleep(1_000)
  assert.not(runs(polite) || runs(stubborn))
})

test('it is not started before there is a fence again', async () => {
  await start(polite)
  await sleep(500)
  assert.not(runs(polite))
  // the last of those that were armed falls
  await sleep(4_000)
  await (await runtime.arm()).confirm()
  await start(polite)
  await eventually('it runs', () => runs(polite))
})

test('a watch that is killed has the fence fall', async () => {
  const pid = pidOf(polite)
  systemctl('kill', '-s', 'KILL', 'nsctl.fence@*.service')
  await eventually('it ends', () => !isAlive(pid))
})

test('nothing of it is left', async () => {
  await runtime.removeAll({ purge: true, signal: AbortSignal.timeout(20_000) })
  assert.is(watches(), 0)
  assert.is(systemctl('list-units', '--plain', '--no-legend', '--all', 'nsctl.fence*').trim(), '')
})

test.after(() => runtime.close())
test.run()
