/** What it costs a controller to read what instances use off a thousand nodes, each through a listener of its own with TLS on both sides. */
import { fork } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { systemClock } from '../src/core/clock.ts'
import { silentLogger } from '../src/core/logger.ts'
import {
  Authority,
  callerOfSubject,
  keyPem,
  makeAuthority,
  newKey,
  nodeOfSubject,
} from '../src/join/authority.ts'
import { NodeCaller } from '../src/listener/caller.ts'
import { listenForCallers } from '../src/listener/server.ts'
import type { NodeServices } from '../src/listener/services.ts'
import { nodeMetrics } from '../src/main/node-metrics.ts'
import { NodeScraper } from '../src/telemetry/scrape/scraper.ts'
import { median, type Row } from './measure.ts'

const NODES = 1_000
const INSTANCES = 10
const ROUNDS = 7
/** A scrape that is younger answers. */
const APART_MS = 1_100
/** How often a trigger looks where nothing is said. */
const POLLING_MS = 30_000
const bench = 'scrape'

interface Nodes {
  readonly certificate: string
  readonly key: string
  readonly authority: string
  readonly ports: readonly number[]
}

export async function benchScrape(): Promise<readonly Row[]> {
  const child = fork(import.meta.filename, ['nodes'], { execArgv: ['--disable-warning=ExperimentalWarning'] })
  try {
    const { ports, ...credentials } = await new Promise<Nodes>((resolve, reject) => {
      child.once('message', (message) => resolve(message as Nodes))
      child.once('exit', (code) => reject(new Error(`the nodes ended with ${code}`)))
    })
    const caller = new NodeCaller({
      clock: systemClock,
      nodeOf: nodeOfSubject,
      credentials: async () => credentials,
    })
    const { fetch } = nodeMetrics(caller)
    const scraper = new NodeScraper({ clock: systemClock, steadyMs: () => systemClock.monotonic(), fetch })
    const round = () => scrapeAll(scraper, ports)
    const first = await round()
    const later: { readonly elapsedMs: number; readonly cpuMs: number }[] = []
    for (let i = 0; i < ROUNDS; i++) {
      await new Promise((resolve) => setTimeout(resolve, APART_MS))
      later.push(await round())
    }
    caller.close()
    const cpuMs = median(later.map((one) => one.cpuMs).sort((a, b) => a - b))
    const elapsedMs = median(later.map((one) => one.elapsedMs).sort((a, b) => a - b))
    const nodes = `${NODES} nodes with ${INSTANCES} instances each`
    return [
      { bench, what: `${nodes}, connecting to all of them: time`, value: first.elapsedMs, unit: 'ms' },
      { bench, what: '… CPU', value: first.cpuMs, unit: 'ms' },
      { bench, what: `${nodes}, over kept connections: time`, value: elapsedMs, unit: 'ms' },
      { bench, what: '… CPU', value: cpuMs, unit: 'ms' },
      {
        bench,
        what: `… CPU of one core, every ${POLLING_MS / 1_000} s`,
        value: (cpuMs / POLLING_MS) * 100,
        unit: '%',
        goal: 5,
      },
    ]
  } finally {
    child.kill()
  }
}

async function scrapeAll(scraper: NodeScraper, ports: readonly number[]) {
  const [begunMs, before] = [performance.now(), process.cpuUsage()]
  const found = await Promise.all(
    ports.map((port, index) =>
      scraper.usage(
        { node: nameOf(index), places: [`127.0.0.1:${port}`] },
        'memory',
        Array.from({ length: INSTANCES }, (_, i) => `default/web-${i}`),
        new AbortController().signal,
      ),
    ),
  )
  const { user, system } = process.cpuUsage(before)
  const count = found.reduce((sum, one) => sum + one.size, 0)
  if (count !== NODES * INSTANCES) throw new Error(`${count} instances were seen of ${NODES * INSTANCES}`)
  return { elapsedMs: performance.now() - begunMs, cpuMs: (user + system) / 1_000 }
}

const nameOf = (index: number) => `n${index}`

/** In a process of its own: what the nodes cost is theirs. */
async function runNodes(): Promise<void> {
  const authority = new Authority(makeAuthority(Date.now()))
  const ports: number[] = []
  const key = newKey()
  const publicKey = keyPem(createPublicKey(key))
  for (let index = 0; index < NODES; index++) {
    const node = nameOf(index)
    const certificate = authority.issueNode({ node, joining: 'j' }, publicKey, Date.now())
    const { port } = await listenForCallers({
      ...{ host: '127.0.0.1', port: 0, services: servicesOf(node), callerOf: callerOfSubject },
      ...{ clock: systemClock, logger: silentLogger },
      identity: { certificate, key: keyPem(key), authority: authority.certificate },
    })
    ports.push(port)
  }
  const own = authority.issueCaller({ role: 'control-plane', name: 'bench' }, 3_600_000, Date.now())
  process.send?.({ ...own, authority: authority.certificate, ports })
}

function servicesOf(node: string): NodeServices {
  const text = Array.from({ length: INSTANCES }, (_, i) => {
    const labels = `{namespace="default",service="web",instance="web-${i}",node="${node}"}`
    return [
      `nsctl_instance_cpu_seconds_total${labels} ${i}`,
      `nsctl_instance_memory_bytes${labels} 1048576`,
      `nsctl_instance_io_read_bytes_total${labels} 1`,
      `nsctl_instance_io_written_bytes_total${labels} 1`,
      `nsctl_instance_start_time_seconds${labels} 1700000000`,
    ].join('\n')
  }).join('\n')
  const services: Pick<NodeServices, 'metrics'> = {
    async metrics() {
      return { type: 'text/plain', pieces: one(text) }
    },
  }
  return services as NodeServices
}

async function* one(text: string): AsyncGenerator<string> {
  yield text
}

if (process.argv[2] === 'nodes') await runNodes()
