/** What is fenced ends in time by its shim's hand alone, and is not started again before its fence is up. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { FENCE_KILL_MS, FENCE_STOP_MS } from '../../../src/resources/fencing.ts'
import { openProcessRuntime } from '../../../src/runtimes/process/runtime.ts'
import { type ProgramSpec, programKey } from '../../../src/runtimes/runtime.ts'
import { needs } from '../../parts.ts'
import { eventually } from '../contract/fixture.ts'

const fences = needs(test, process.platform === 'linux', 'Linux, which tells the time since boot')
const IDLE = 'while :; do sleep 0.1; done'

const spec = (service: string, script: string, fenced = true): ProgramSpec => ({
  id: { namespace: 'default', service, templateHash: 'h3kq9x2mzc', ordinal: 0, program: '' },
  command: ['/bin/sh', '-c', script],
  workingDir: '/',
  env: { PATH: '/usr/bin:/bin', NSCTL_FENCING_TOKEN: '7' },
  storage: [],
  limits: {},
  stop: { signal: 'SIGTERM', graceMs: 60_000 },
  network: 'host',
  relax: [],
  ...(fenced ? { fenced: true } : {}),
})
const polite = spec('polite', IDLE)
const stubborn = spec('stubborn', `trap "" TERM; ${IDLE}`)
const plain = spec('plain', IDLE, false)

type ProcessRuntime = Awaited<ReturnType<typeof openProcessRuntime>>

async function open(stateDir: string): Promise<ProcessRuntime> {
  return openProcessRuntime({ stateDir, clock: systemClock, logger: silentLogger })
}

const pidOf = (runtime: ProcessRuntime, { id }: ProgramSpec) =>
  runtime.observe().get(programKey(id))?.pid ?? 0
const stateOf = (runtime: ProcessRuntime, { id }: ProgramSpec) => runtime.observe().get(programKey(id))?.state

/** One that has ended and that nobody has asked for yet runs no more. */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

fences('without a runtime that renews it, what is fenced ends in time, and the rest runs on', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'nsctl-fence-'))
  const pids: number[] = []
  try {
    let runtime = await open(stateDir)
    const signal = AbortSignal.timeout(60_000)
    await runtime.start(polite, signal)
    await eventually('it is refused', () => stateOf(runtime, polite) === 'exited')
    await (await runtime.arm()).confirm()
    for (const one of [polite, stubborn, plain]) await runtime.start(one, signal)
    const ids = [polite, stubborn, plain]
    await eventually('all run', () =>
      ids.every((one) => stateOf(runtime, one) === 'running' && pidOf(runtime, one) > 0),
    )
    assert.equal(
      runtime
        .fenced()
        .map(({ service }) => service)
        .sort(),
      ['polite', 'stubborn'],
    )
    // renewed, beyond the bound of the first
    for (let renewals = 0; renewals < 4; renewals++) {
      await sleep(FENCE_STOP_MS / 3)
      await (await runtime.arm()).confirm()
    }
    const armedMs = performance.now()
    pids.push(...ids.map((one) => pidOf(runtime, one)))
    assert.ok(pids.every(isAlive))
    await runtime.close()
    const ends = new Map<number, number>()
    while (performance.now() - armedMs < FENCE_KILL_MS + 1_500) {
      for (const pid of pids) if (!ends.has(pid) && !isAlive(pid)) ends.set(pid, performance.now() - armedMs)
      await sleep(20)
    }
    const [politeMs = Infinity, stubbornMs = Infinity] = pids.map((pid) => ends.get(pid))
    console.log(
      `fence (process): asked after ${politeMs.toFixed()} ms, killed after ${stubbornMs.toFixed()} ms`,
    )
    assert.ok(politeMs > FENCE_STOP_MS - 2_500 && politeMs < FENCE_STOP_MS + 1_000)
    assert.ok(stubbornMs > FENCE_KILL_MS - 2_500 && stubbornMs < FENCE_KILL_MS + 1_000)
    assert.ok(isAlive(pids[2] ?? 0))

    // whoever comes next starts nothing of it by itself
    runtime = await open(stateDir)
    await sleep(1_500)
    assert.not(isAlive(pidOf(runtime, polite)) && pidOf(runtime, polite) > 0)
    await runtime.start(polite, signal)
    await eventually('it is refused', () => stateOf(runtime, polite) === 'exited')
    // what another boot has confirmed counts for nothing
    writeFileSync(join(stateDir, 'process', 'fence'), '999999999 999999999 another-boot\n')
    await runtime.start(polite, signal)
    await eventually('it is refused', () => stateOf(runtime, polite) === 'exited')
    await (await runtime.arm()).confirm()
    await runtime.start(polite, signal)
    await eventually('it runs again', () => stateOf(runtime, polite) === 'running')
    await runtime.removeAll({ purge: true, signal: AbortSignal.timeout(20_000) })
    await runtime.close()
  } finally {
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    rmSync(stateDir, { recursive: true, force: true })
  }
})

test.run()
