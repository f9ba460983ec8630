/**
 * Twenty Services of five instances each on three machines with a real systemd, under a steady load through a real Caddy on a fourth, while machine after
 * machine comes to grief. Prints what it cost.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Cluster, type Machine } from '../lab/cluster.ts'
import { type Doubled, DoublesWatch, running } from '../lab/doubles.ts'
import { triesThatFailed } from '../lab/edge.ts'
import { canMakeNetworks } from '../lab/network.ts'
import { canBootNodes } from '../lab/node.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { type Figures, failures, type Method, SteadyLoad } from '../traffic/steady.ts'

const SERVICES = 20
const REPLICAS = 5
const ALL = SERVICES * REPLICAS
const PER_SECOND = 100
const LIMIT_MS = 10_000
const CALM_MS = 4_000
const LOOK_EVERY_MS = 300
/** The default grace period, a start in one second, and as long again for a machine that does other things besides. */
const REPLACED_WITHIN_MS = 60_000

// starts in a second, answers in 3 ms
const PROGRAM = `setTimeout(() => require('node:http').createServer((q, r) => { q.resume(); q.on('end', () => setTimeout(() => r.end('ok'), 3)) }).listen(Number(process.env.PORT)), 1000)`
const NAMES = Array.from({ length: SERVICES }, (_, index) => `s${index + 1}`)

/** Of these no ordinal may run twice. */
const UNIQUE = new Set(NAMES.slice(-2))
/** From a thaw until the machine's own systemd has ended what it ran, on a machine that does other things besides. */
const FENCED_WITHIN_MS = 3_000

function serviceOf(name: string): object {
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name },
    spec: {
      replicas: REPLICAS,
      ...(UNIQUE.has(name) && { unique: true }),
      expose: { domain: `${name}.test`, listen: '8080' },
      placement: { strategy: 'spread' },
      template: {
        source: { command: ['node', '-e', PROGRAM], workingDir: '/' },
        ports: [{ name: 'http' }],
        readiness: { http: { port: 'http' } },
      },
    },
  }
}

interface Row extends Figures {
  readonly what: string
  readonly replacedMs?: number
  readonly doubled: Doubled
}

const clustered = needs(
  test,
  canBootNodes() && canMakeNetworks() && canFetchDebs(),
  'root on Linux with Debian packages, to boot nodes on a network',
)

let cluster: Cluster
let load: SteadyLoad
let doubles: DoublesWatch
const rows: Row[] = []

clustered('a hundred instances are led to', async () => {
  cluster = await Cluster.start({ nodes: 3, edges: 1, controllers: 2 })
  await cluster.apply({ apiVersion: 'v1', kind: 'List', items: NAMES.map(serviceOf) })
  await settled()
  doubles = new DoublesWatch(cluster.machines.map(({ node }) => node))
  const url = `http://${cluster.edges[0]!.address}:8080/`
  const targets = NAMES.map((name) => ({ url, host: `${name}.test` }))
  load = new SteadyLoad({ targets, perSecond: PER_SECOND, limitMs: LIMIT_MS })
  await calm()
})

clustered('a machine loses power', () =>
  fault('power lost', cluster.machine('n1'), {
    begin: ({ node }) => node.kill(),
    end: (one) => one.reboot(),
  }),
)

clustered('a machine is frozen and thaws', () =>
  fault('frozen', cluster.machine('n2'), {
    begin: async ({ node }) => node.freeze(),
    end: async ({ node }) => node.thaw(),
  }),
)

clustered('a machine is cut off and let back', () =>
  fault('cut off', cluster.machine('n3'), { begin: (one) => one.cut(), end: (one) => one.heal() }),
)

clustered('what it cost', async () => {
  load.stop()
  const tries = await triesThatFailed(cluster.edges[0]!.node)
  print(rows, tries)
})

interface Fault {
  begin(machine: Machine): Promise<void>
  end(machine: Machine): Promise<void>
}

async function fault(what: string, machine: Machine, { begin, end }: Fault): Promise<void> {
  const startedMs = performance.now()
  await begin(machine)
  const others = cluster.machines.filter((one) => one !== machine).map(({ name }) => name)
  await untilThat('all run elsewhere', async () => (await ready(others)).length === ALL, 90_000)
  const replacedMs = performance.now() - startedMs
  await note(what, replacedMs)
  await end(machine)
  await settled()
  await note(`${what}: back`)
  await calm()
  assert.ok(replacedMs < REPLACED_WITHIN_MS, `replaced after ${replacedMs} ms`)
}

/** Nothing is lost, nothing is there twice, and no request fails. */
async function calm(): Promise<void> {
  await sleep(CALM_MS)
  const { failed } = await note('calm')
  assert.equal(failed, { GET: {}, POST: {} })
}

async function note(what: string, replacedMs?: number): Promise<Row> {
  const figures = await load.take()
  const row: Row = {
    ...{ what, ...figures, doubled: doubles.take() },
    ...(replacedMs === undefined ? {} : { replacedMs }),
  }
  rows.push(row)
  for (const [key, forMs] of uniqueOf(row.doubled))
    assert.ok(forMs < FENCED_WITHIN_MS, `two of ${key} ran for ${forMs} ms`)
  return row
}

function uniqueOf({ forMs }: Doubled): readonly (readonly [string, number])[] {
  return [...forMs].filter(([key]) => UNIQUE.has(key.split(' ')[0]!))
}

/** All instances are there, each ready and each once; no unit runs beyond them; and all is led. */
async function settled(): Promise<void> {
  await untilThat('all nodes are ready', async () => {
    const said = await shown('nodes', '{.status.phase}')
    return said.length === 4 && said.every((phase) => phase === 'Ready')
  })
  await untilThat(`each of ${ALL} instances is ready, once`, async () => {
    const all = await shown('instances', '{.spec.service}/{.spec.ordinal} {.status.ready}')
    return all.length === ALL && new Set(all).size === ALL && all.every((line) => line.endsWith(' true'))
  })
  const units = () => cluster.machines.flatMap(({ node }) => running(node))
  await untilThat(`${ALL} units run, each once`, async () => {
    const all = units()
    return all.length === ALL && new Set(all).size === ALL
  })
  await untilThat('all is led', async () => {
    const backends = await shown('routes', '{.status.backends}')
    return backends.length === SERVICES && backends.every((count) => count === String(REPLICAS))
  })
}

/** Of the instances on these nodes, those that are ready. */
async function ready(nodes: readonly string[]): Promise<readonly string[]> {
  const all = await shown('instances', '{.spec.node} {.status.ready}')
  return all.filter((line) => nodes.some((name) => line === `${name} true`))
}

async function shown(kind: string, path: string): Promise<readonly string[]> {
  const said = await cluster.nsctl(['get', kind, '-o', `jsonpath={range .items[*]}${path}{"\\n"}{end}`])
  return said.split('\n').filter((line) => line !== '')
}

/** Not as often as there are turns to be had: those are the load's. */
async function untilThat(what: string, look: () => Promise<boolean>, limitMs = 90_000): Promise<void> {
  const paced = async () => {
    const holds = await look()
    if (!holds) await sleep(LOOK_EVERY_MS)
    return holds
  }
  await cluster.until(what, paced, limitMs)
}

function print(all: readonly Row[], tries: Readonly<Record<string, number>>): void {
  const heads = [
    '',
    'requests',
    'GET failed',
    'POST failed',
    'median',
    'p99',
    'slowest',
    'replaced',
    'doubled',
    'unique ones doubled',
  ]
  const lines = all.map((row) => [
    row.what,
    String(row.requests),
    kinds(row, 'GET'),
    kinds(row, 'POST'),
    ...[row.medianMs, row.p99Ms, row.slowestMs].map((ms) => `${ms} ms`),
    row.replacedMs === undefined ? '' : `${(row.replacedMs / 1000).toFixed(1)} s`,
    doubledText([...row.doubled.forMs.values()]),
    doubledText(uniqueOf(row.doubled).map(([, forMs]) => forMs)),
  ])
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...lines.map((line) => line[column]!.length)),
  )
  for (const line of [heads, ...lines])
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
  const total = all.reduce((sum, { requests }) => sum + requests, 0)
  const failed = all.reduce((sum, row) => sum + failures(row.failed.GET) + failures(row.failed.POST), 0)
  console.log(
    `${total} requests, ${failed} failed; instances lost 0; backends that failed Caddy: ${text(tries)}`,
  )
}

function doubledText(forMs: readonly number[]): string {
  return forMs.length === 0 ? '0' : `${forMs.length}, ${(Math.max(...forMs) / 1000).toFixed(1)} s at most`
}

function kinds({ failed }: Figures, method: Method): string {
  return text(failed[method])
}

function text(counts: Readonly<Record<string, number>>): string {
  const said = Object.entries(counts).map(([kind, count]) => `${count} × ${kind}`)
  return said.length === 0 ? '0' : said.join(', ')
}

clustered('the cluster goes', async () => {
  doubles.close()
  await load.close()
  await cluster.stop()
})

test.run()
