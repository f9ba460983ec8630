/**
 * The part of bench/systemd.ts that runs inside a node, as root under its system manager. Prints JSON.
 *
 *     node bench/systemd-inside.ts ROUNDS
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../src/core/clock.ts'
import { silentLogger } from '../src/core/logger.ts'
import { openSqliteStore } from '../src/store/sqlite/store.ts'
import { cleanEnv } from './measure.ts'
import { Statuses } from './statuses.ts'
import { recoveryBySystemdAlone } from './systemd-alone.ts'

/** What one round took, milliseconds. */
export interface ScaleRound {
  readonly nsctlMs: number
  readonly systemctlMs: number
}

export interface InsideResult {
  readonly systemd: string
  readonly hardened: readonly ScaleRound[]
  readonly relaxed: readonly ScaleRound[]
  readonly recovery: { readonly hardened: Recovery; readonly relaxed: Recovery }
}

/** From a SIGKILL on, milliseconds, the unit's own delay included. */
export interface Recovery {
  /** To its restart written in status. */
  readonly nsctlMs: readonly number[]
  /** To its being active again, with nsctl standing still. */
  readonly systemdMs: readonly number[]
}

export const INSTANCES = 100
const UNITS = '/run/systemd/system'
const QUIET_MS = 500
const nsctl = join(import.meta.dirname, '../bin/nsctl')
const home = mkdtempSync('/var/lib/nsctl-bench-')
const env = cleanEnv({ NSCTL_HOME: home })

function manifest(name: string, relax: readonly string[]): string {
  return JSON.stringify({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name },
    spec: {
      replicas: 0,
      template: {
        source: { command: ['/bin/sleep', '1000'], workingDir: '/' },
        ports: [{ name: 'http' }],
        ...(relax.length === 0 ? {} : { security: { relax } }),
      },
    },
  })
}

function run(...args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(nsctl, args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`nsctl ${args.join(' ')}: ${code}`)),
    )
  })
}

/** In a control group of its own, as an installed one is; whoever enters a node is in none of its groups. */
async function startDaemon(): Promise<ChildProcess> {
  const up = [process.env.NSCTL_BENCH_UP ?? nsctl, 'up', '--runtime', 'systemd', '--log-level', 'error']
  const daemon = spawn('systemd-run', ['--scope', '--quiet', ...up], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise<void>((resolve, reject) => {
    daemon.stdout.on('data', (data) => String(data).includes('Ctrl-C') && resolve())
    daemon.once('exit', (code) => reject(new Error(`nsctl up ended with ${code}`)))
  })
  return daemon
}

/** One round by nsctl, one by systemctl. The first pair warms up and does not count. */
async function measureScale(
  daemon: ChildProcess,
  statuses: Statuses,
  name: string,
  rounds: number,
): Promise<readonly ScaleRound[]> {
  const results: ScaleRound[] = []
  for (let round = 0; round <= rounds; round++) {
    await quiet()
    const begunMs = performance.now()
    const scaled = run('scale', `service/${name}`, '--replicas', String(INSTANCES))
    const doneMs = await statuses.until(
      'all ready',
      (all) => all.filter((one) => one.ready).length === INSTANCES,
    )
    await scaled
    const text = unitText(name)
    await run('scale', `service/${name}`, '--replicas', '0')
    await statuses.until('all gone', (all) => all.length === 0)
    await quiet()
    // systemctl has the machine to itself: a daemon that listens along would slow it down
    daemon.kill('SIGSTOP')
    const systemctlMs = startBySystemctl(text)
    daemon.kill('SIGCONT')
    if (round > 0) results.push({ nsctlMs: doneMs - begunMs, systemctlMs })
  }
  return results
}

/** Neither is to be measured with the other's last words. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, QUIET_MS))
}

function unitText(name: string): string {
  const file = readdirSync(UNITS).find((one) => one.startsWith(`nsctl-default_${name}_`))
  return readFileSync(join(UNITS, file!), 'utf8')
}

/** The same text under a name that is not ours, its instances' variables in the same place. */
function startBySystemctl(text: string): number {
  writeFileSync(join(UNITS, 'a@.service'), text)
  const units = Array.from({ length: INSTANCES }, (_, index) => `a@${index + 1}.service`)
  for (const [index, unit] of units.entries())
    writeFileSync(`/run/nsctl/env/${unit}`, `PORT="${20_000 + index}"\n`)
  execFileSync('systemctl', ['daemon-reload'])
  const begunMs = performance.now()
  execFileSync('systemctl', ['start', ...units])
  const tookMs = performance.now() - begunMs
  execFileSync('systemctl', ['stop', 'a@*.service'])
  rmSync(join(UNITS, 'a@.service'))
  return tookMs
}

async function measureRecovery(
  daemon: ChildProcess,
  statuses: Statuses,
  name: string,
  rounds: number,
): Promise<Recovery> {
  await run('scale', `service/${name}`, '--replicas', '1')
  const nsctlMs: number[] = []
  for (let round = 0; round < rounds; round++) {
    // the kernel is still taking down the namespaces of the instance that was replaced
    await quiet()
    await statuses.until('running', ([one]) => one?.ready === true && one.pid !== undefined)
    const [before] = statuses.all
    const begunMs = performance.now()
    process.kill(before!.pid!, 'SIGKILL')
    const doneMs = await statuses.until(
      'restarted',
      ([one]) =>
        one?.ready === true &&
        one.restarts > before!.restarts &&
        one.lastFailure !== undefined &&
        one.pid !== undefined &&
        one.pid !== before!.pid,
    )
    nsctlMs.push(doneMs - begunMs)
    // three a minute are restarted at once; a fresh instance begins anew
    await run('rollout', 'restart', `service/${name}`)
    await run('rollout', 'status', `service/${name}`)
  }
  const text = unitText(name)
  await run('scale', `service/${name}`, '--replicas', '0')
  await statuses.until('gone', (all) => all.length === 0)
  await quiet()
  daemon.kill('SIGSTOP')
  const systemdMs = await recoveryBySystemdAlone(text, rounds)
  daemon.kill('SIGCONT')
  return { nsctlMs, systemdMs }
}

async function main(rounds: number): Promise<void> {
  const daemon = await startDaemon()
  try {
    const store = await openSqliteStore({
      path: join(home, 'store.db'),
      clock: systemClock,
      logger: silentLogger,
      readOnly: true,
    })
    const statuses = new Statuses(store)
    const following = statuses.follow()
    for (const [name, relax] of [
      ['hardened', []],
      ['relaxed', ['all']],
    ] as const) {
      writeFileSync(join(home, `${name}.json`), manifest(name, relax))
      await run('apply', '-f', join(home, `${name}.json`))
    }
    const hardened = await measureScale(daemon, statuses, 'hardened', rounds)
    const relaxed = await measureScale(daemon, statuses, 'relaxed', rounds)
    const recovery = {
      hardened: await measureRecovery(daemon, statuses, 'hardened', rounds),
      relaxed: await measureRecovery(daemon, statuses, 'relaxed', rounds),
    }
    const systemd = execFileSync('systemctl', ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? ''
    console.log(JSON.stringify({ systemd, hardened, relaxed, recovery } satisfies InsideResult))
    statuses.close()
    await following
    await store.close()
  } finally {
    daemon.kill('SIGTERM')
    await new Promise((resolve) => daemon.once('exit', resolve))
    await run('down', '--purge')
    rmSync(home, { recursive: true, force: true })
  }
}

await main(Number(process.argv[2] ?? 5))
