/**
 * The part of bench/scaling.ts that runs beside a daemon, inside a node under its systemd or on this machine with plain processes: from an event
 * on a webhook, and from a change of what is polled, to an instance whose status says in the store that it is ready. Prints JSON.
 *
 *     node bench/scaling-inside.ts systemd|process
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/core/clock.ts'
import { silentLogger } from '../src/core/logger.ts'
import { openSqliteStore } from '../src/store/sqlite/store.ts'
import { freePorts } from '../test/lab/servers.ts'
import { cleanEnv } from './measure.ts'
import { Statuses } from './statuses.ts'

/** Milliseconds each. */
export interface LatencyResult {
  /** From sending the event, to a hardened instance, and to one without hardening. */
  readonly hardenedMs: readonly number[]
  readonly relaxedMs: readonly number[]
  /** From the moment at which there was more work. */
  readonly polledMs: readonly number[]
  /** From the answer that told it. */
  readonly answeredMs: readonly number[]
}

const PUSHED = ['hardened', 'relaxed'] as const
const PUSH_ROUNDS = 4
const PUSHES = 25
const POLLS = 20
const QUIET_MS = 300
export const POLL_INTERVAL_S = 1
const nsctl = join(import.meta.dirname, '../bin/nsctl')
const isMain = process.argv[1] === import.meta.filename
const home = isMain ? mkdtempSync(join(tmpdir(), 'nsctl-bench-')) : ''
const env = cleanEnv({ NSCTL_HOME: home })

/** Grows as fast as it is asked to, and goes at once: what is measured is the way, not the windows. */
const behavior = {
  scaleUp: { tolerance: 0, policies: [{ type: 'Pods', value: 1000, periodSeconds: 1 }] },
  scaleDown: { stabilizationWindowSeconds: 0 },
}

function scaled(name: string, trigger: object, pollingInterval: number): readonly object[] {
  const security = name === 'hardened' ? {} : { security: { relax: ['all'] } }
  const source = { command: ['/bin/sleep', '1000'], workingDir: '/' }
  const service = {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name },
    spec: { replicas: 0, template: { source, ...security } },
  }
  const scaler = {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'ScaledObject',
    metadata: { name },
    spec: {
      scaleTargetRef: { name },
      pollingInterval,
      cooldownPeriod: 0,
      advanced: { horizontalPodAutoscalerConfig: { behavior } },
      triggers: [trigger],
    },
  }
  return [service, scaler]
}

function run(...args: readonly string[]): void {
  const { status, stderr } = spawnSync(nsctl, args, { env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`nsctl ${args.join(' ')}: ${stderr}`)
}

async function startDaemon(runtime: string, webhookPort: number): Promise<ChildProcess> {
  const up = [
    nsctl,
    'up',
    '--runtime',
    runtime,
    '--webhook-port',
    String(webhookPort),
    '--log-level',
    'error',
  ]
  // in a control group of its own, as an installed one is
  const [program, ...args] = runtime === 'systemd' ? ['systemd-run', '--scope', '--quiet', ...up] : up
  const daemon = spawn(program as string, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise<void>((resolve, reject) => {
    daemon.stdout.on('data', (data) => String(data).includes('Ctrl-C') && resolve())
    daemon.once('exit', (code) => reject(new Error(`nsctl up ended with ${code}`)))
  })
  return daemon
}

/** An address that says how much work waits, and when it first said so. */
class Work {
  readonly #server: Server
  value = 0
  toldMs = 0
  #told = 0

  constructor() {
    this.#server = createServer((_request, response) => {
      if (this.value !== this.#told) {
        this.toldMs = performance.now()
        this.#told = this.value
      }
      response.end(JSON.stringify({ value: this.value }))
    })
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

const ready = (statuses: Statuses, service: string) => statuses.of(service).filter((one) => one.ready).length

async function measurePushes(statuses: Statuses, name: string, url: string): Promise<readonly number[]> {
  const took: number[] = []
  const push = async (value: number) => {
    const answer = await fetch(url, { method: 'POST', body: String(value) })
    if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
  }
  for (let round = 0; round < PUSH_ROUNDS; round++) {
    for (let count = 1; count <= PUSHES; count++) {
      await pause(QUIET_MS)
      const seen = statuses.until(`${count} ${name}`, () => ready(statuses, name) === count)
      const beganMs = performance.now()
      await push(count)
      took.push((await seen) - beganMs)
    }
    await push(0)
    await statuses.until(`none ${name}`, () => statuses.of(name).length === 0)
  }
  return took
}

async function measurePolls(
  statuses: Statuses,
  work: Work,
): Promise<Pick<LatencyResult, 'polledMs' | 'answeredMs'>> {
  const [polledMs, answeredMs]: [number[], number[]] = [[], []]
  for (let count = 1; count <= POLLS; count++) {
    // at any moment of the interval
    await pause(QUIET_MS + Math.random() * POLL_INTERVAL_S * 1000)
    const seen = statuses.until(`${count} polled`, () => ready(statuses, 'polled') === count)
    const beganMs = performance.now()
    work.value = count
    const doneMs = await seen
    polledMs.push(doneMs - beganMs)
    answeredMs.push(doneMs - work.toldMs)
  }
  return { polledMs, answeredMs }
}

async function main(runtime: string): Promise<void> {
  const [port] = (await freePorts(1)) as readonly [number]
  const work = new Work()
  const url = await work.start()
  const daemon = await startDaemon(runtime, port)
  try {
    const items = [
      ...PUSHED.flatMap((name) =>
        scaled(name, { type: 'webhook', metadata: { path: name, value: '1' } }, 600),
      ),
      ...scaled(
        'polled',
        { type: 'metrics-api', metadata: { url, valueLocation: 'value', targetValue: '1' } },
        POLL_INTERVAL_S,
      ),
    ]
    writeFileSync(join(home, 'all.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    run('apply', '-f', join(home, 'all.json'))
    const hook = (name: string) => `http://127.0.0.1:${port}/hooks/${name}`
    // nothing is known of a gauge that was never told
    for (const name of PUSHED)
      while (!(await fetch(hook(name), { method: 'POST', body: '0' })).ok) await pause(100)
    for (const name of [...PUSHED, 'polled'])
      run('wait', '--for=condition=Active=False', `scaledobject/${name}`, '--timeout=20s')
    const path = join(home, 'store.db')
    const store = await openSqliteStore({ path, clock: systemClock, logger: silentLogger, readOnly: true })
    const statuses = new Statuses(store)
    const following = statuses.follow()
    const hardenedMs = await measurePushes(statuses, 'hardened', hook('hardened'))
    const relaxedMs = await measurePushes(statuses, 'relaxed', hook('relaxed'))
    const polled = await measurePolls(statuses, work)
    console.log(JSON.stringify({ hardenedMs, relaxedMs, ...polled } satisfies LatencyResult))
    statuses.close()
    await following
    await store.close()
  } finally {
    daemon.kill('SIGTERM')
    await new Promise((resolve) => daemon.once('exit', resolve))
    run('down', '--purge')
    work.stop()
    rmSync(home, { recursive: true, force: true })
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

if (isMain) await main(process.argv[2] ?? 'process')
