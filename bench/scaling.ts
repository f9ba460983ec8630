/**
 * What scaling costs and how soon it acts: 10,000 ScaledObjects that a controller looks at every 30 s in a Prometheus on the same machine, and
 * the way from an event to a program that runs (scaling-inside.ts).
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/core/clock.ts'
import { silentLogger } from '../src/core/logger.ts'
import { openSqliteStore } from '../src/store/sqlite/store.ts'
import { bootNode, canBootNodes, NODE_BINARY, NODE_REPOSITORY } from '../test/lab/node.ts'
import { type PrometheusServer, startPrometheus } from '../test/lab/prometheus.ts'
import { canFetchDebs, freePorts } from '../test/lab/servers.ts'
import { cleanEnv, median, type Row } from './measure.ts'
import { type LatencyResult, POLL_INTERVAL_S } from './scaling-inside.ts'
import { serviceOf } from './services.ts'

const COUNT = 10_000
const INTERVAL_S = 30
/** Everybody is looked at three times. */
const MEASURED_S = 90
/** What taking ten thousand over has left in memory is given back by then, as V8 sees fit. */
const SETTLE_S = 30
const PER_FILE = 500
const SCRAPES = 3

export async function benchScaling(nsctl: string): Promise<readonly Row[]> {
  if (!canFetchDebs()) {
    console.log('left out: scaling by Prometheus, which needs Debian’s packages')
    return []
  }
  const latency = await benchLatency()
  const folder = mkdtempSync(join(tmpdir(), 'nsctl-bench-'))
  const series = await serveSeries()
  const target = `127.0.0.1:${(series.address() as AddressInfo).port}`
  const prometheus = await startPrometheus({
    jobs: [{ name: 'queues', targets: [target], intervalMs: 15_000 }],
  })
  try {
    await untilScraped(prometheus)
    fill(nsctl, folder, prometheus.url)
    return [...latency, ...(await measure(nsctl, folder))]
  } finally {
    await prometheus.stop()
    series.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Under a real systemd where a machine of its own can be booted, else with plain processes. */
async function benchLatency(): Promise<readonly Row[]> {
  if (!canBootNodes()) {
    const script = join(import.meta.dirname, 'scaling-inside.ts')
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, 'process'], { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
    return latencyRows('processes', JSON.parse(stdout))
  }
  const node = await bootNode({ release: 'bookworm', name: 'bench' })
  try {
    const script = `${NODE_REPOSITORY}/bench/scaling-inside.ts`
    const command = [NODE_BINARY, '--disable-warning=ExperimentalWarning', script, 'systemd']
    return latencyRows('systemd', JSON.parse(await node.run(command)))
  } finally {
    await node.stop()
  }
}

function latencyRows(
  bench: string,
  { hardenedMs, relaxedMs, polledMs, answeredMs }: LatencyResult,
): readonly Row[] {
  const ms = 'ms' as const
  const pushed = (what: string, took: readonly number[], goals: readonly [number, number] | undefined) => {
    const sorted = [...took].sort((a, b) => a - b)
    const p99 = sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN
    const name = `event → running and seen, ${what}`
    return [
      { bench, what: `${name}, median`, value: median(took), unit: ms, ...(goals && { goal: goals[0] }) },
      {
        bench,
        what: `${name}, p99 of ${took.length}`,
        value: p99,
        unit: ms,
        ...(goals && { goal: goals[1] }),
      },
    ]
  }
  return [
    ...pushed('relaxed', relaxedMs, [25, 150]),
    // most of it is systemd's: namespaces, a user of its own
    ...pushed('hardened', hardenedMs, undefined),
    {
      bench,
      what: `polled each ${POLL_INTERVAL_S} s: change → running, median`,
      value: median(polledMs),
      unit: ms,
      goal: POLL_INTERVAL_S * 1000 + 25,
    },
    { bench, what: 'polled: answer → running, median', value: median(answeredMs), unit: ms },
  ]
}

/** A queue for each ScaledObject, with as much in it as one instance works on. */
async function serveSeries(): Promise<Server> {
  const lines = Array.from({ length: COUNT }, (_, index) => `queue_length{queue="q${index}"} 10`)
  const text = `# TYPE queue_length gauge\n${lines.join('\n')}\n`
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4')
    response.end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

async function untilScraped(prometheus: PrometheusServer): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const [found] = await prometheus.query('count(queue_length)')
    if (found?.value === COUNT) return
    await pause(500)
  }
  throw new Error('Prometheus does not scrape')
}

function fill(nsctl: string, home: string, url: string): void {
  const file = join(home, 'part.json')
  for (let from = 0; from < COUNT; from += PER_FILE) {
    const items = Array.from({ length: PER_FILE }, (_, index) => bothOf(from + index, url)).flat()
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    const { status, stderr } = spawnSync(nsctl, ['apply', '-f', file], {
      env: cleanEnv({ NSCTL_HOME: home }),
    })
    if (status !== 0) throw new Error(`apply failed: ${stderr}`)
  }
}

function bothOf(index: number, serverAddress: string): readonly object[] {
  const service = serviceOf(index) as { metadata: { name: string }; spec: { replicas: number } }
  service.spec.replicas = 1
  const { name } = service.metadata
  const query = `queue_length{queue="q${index}"}`
  const scaler = {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'ScaledObject',
    metadata: { name },
    spec: {
      scaleTargetRef: { name },
      pollingInterval: INTERVAL_S,
      triggers: [{ type: 'prometheus', metadata: { serverAddress, query, threshold: '10' } }],
    },
  }
  return [service, scaler]
}

async function measure(nsctl: string, home: string): Promise<readonly Row[]> {
  const [port] = (await freePorts(1)) as readonly [number]
  const metricsUrl = `http://127.0.0.1:${port}/metrics`
  const controller = spawn(nsctl, ['controller', '--metrics-port', String(port), '--log-level', 'error'], {
    env: cleanEnv({ NSCTL_HOME: home }),
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  try {
    await untilAllActed(home)
    await pause(SETTLE_S * 1000)
    const [before, beforeCpuMs, beganMs] = [await delays(metricsUrl), cpuMs(controller), performance.now()]
    let mostMb = 0
    for (let second = 0; second < MEASURED_S; second++) {
      await pause(beganMs + (second + 1) * 1000 - performance.now())
      mostMb = Math.max(mostMb, rssMb(controller))
    }
    const [usedMs, tookMs] = [cpuMs(controller) - beforeCpuMs, performance.now() - beganMs]
    const after = await delays(metricsUrl)
    const looks = after.count - before.count
    const scraped = await scrapeAll(controller, metricsUrl)
    const bench = `${COUNT} scalers each ${INTERVAL_S} s`
    return [
      {
        bench,
        what: 'CPU of the controller, of one core',
        value: (usedMs / tookMs) * 100,
        unit: '%',
        goal: 50,
      },
      { bench, what: 'memory of the controller, at most', value: mostMb, unit: 'MB', goal: 400 },
      {
        bench,
        what: 'looks begun more than 1 s late',
        value: ((looks - (after.onTime - before.onTime)) / looks) * 100,
        unit: '%',
        goal: 1,
      },
      { bench, what: `looks in ${MEASURED_S} s`, value: looks, unit: 'count' },
      {
        bench,
        what: `memory over ${SCRAPES} scrapes of all its metrics, at most`,
        value: scraped.mostMb,
        unit: 'MB',
        goal: 400,
      },
      {
        bench,
        what: 'the longest that it answered nothing else meanwhile',
        value: scraped.pauseMs,
        unit: 'ms',
        goal: 50,
      },
    ]
  } finally {
    const gone = new Promise((resolve) => controller.once('exit', resolve))
    controller.kill('SIGTERM')
    await gone
  }
}

/** The metrics of so many are megabytes: read by another process, while this one asks over and over whether the controller answers. */
async function scrapeAll(
  controller: ChildProcess,
  url: string,
): Promise<{ readonly mostMb: number; readonly pauseMs: number }> {
  let [mostMb, pauseMs] = [0, 0]
  for (let scrape = 0; scrape < SCRAPES; scrape++) {
    const read = 'fetch(process.argv[1]).then((answer) => answer.arrayBuffer())'
    const reader = spawn(process.execPath, ['-e', read, url], { stdio: 'ignore' })
    while (reader.exitCode === null) {
      const askedMs = performance.now()
      await (await fetch(url.replace('/metrics', '/healthz'))).text()
      pauseMs = Math.max(pauseMs, performance.now() - askedMs)
      mostMb = Math.max(mostMb, rssMb(controller))
      await pause(2)
    }
    if (reader.exitCode !== 0) throw new Error('its metrics cannot be read')
  }
  return { mostMb, pauseMs }
}

/** Until each has been looked at and has said so; asked of the store, since metrics of so many are not for every second. */
async function untilAllActed(home: string): Promise<void> {
  const path = join(home, 'store.db')
  const store = await openSqliteStore({ path, clock: systemClock, logger: silentLogger, readOnly: true })
  try {
    for (let tries = 0; tries < 100; tries++) {
      const { entries } = await store.list(['obj/nsctl.dev/scaledobjects/'])
      if (entries.filter(({ value }) => value.includes('"desiredReplicas"')).length === COUNT) return
      await pause(5_000)
    }
  } finally {
    await store.close()
  }
  throw new Error('the controller does not look at its scalers')
}

interface Delays {
  readonly count: number
  readonly onTime: number
}

async function delays(url: string): Promise<Delays> {
  const text = await (await fetch(`${url}?name[]=nsctl_scaler_poll_delay_seconds`)).text()
  const read = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0)
  return {
    count: read(/^nsctl_scaler_poll_delay_seconds_count (\S+)/m),
    onTime: read(/^nsctl_scaler_poll_delay_seconds_bucket\{le="1"\} (\S+)/m),
  }
}

function cpuMs({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  // utime and stime in ticks of 10 ms
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function rssMb({ pid }: ChildProcess): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
