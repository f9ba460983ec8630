/**
 * The store in Consul: what applying costs beside raw transactions of the same bytes, and that what a watch costs follows what
 * changed and not what is stored. Starts a Consul server of its own.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/core/clock.ts'
import { openConsulStore } from '../src/store/consul/store.ts'
import type { Store } from '../src/store/store.ts'
import { startConsul } from '../test/lab/consul.ts'
import { startProxy } from '../test/store/consul/proxy.ts'
import { cleanEnv, compare, median, type Row } from './measure.ts'
import { jsonOf } from './services.ts'

const COUNT = 1_000
const ROUNDS = 5
const CHANGES = 200
const AGENTS = 1_000
const SECONDS = 3
/** Consul's own limits for one transaction. */
const MAX_OPERATIONS = 64
const MAX_BODY = 512 * 1024

const bench = 'consul'

export async function benchConsul(nsctl: string): Promise<readonly Row[]> {
  const cluster = await startConsul({ config: { limits: { http_max_conns_per_client: 2 * AGENTS } } })
  const { address } = cluster.servers[0]!
  try {
    return [
      ...(await applying(nsctl, address)),
      ...(await watching(address)),
      ...(await agents(address)),
      ...(await throughput(address)),
    ]
  } finally {
    await cluster.stop()
  }
}

function open(address: string, prefix: string): Promise<Store> {
  return openConsulStore({ url: `consul://${address}/${prefix}`, clock: systemClock })
}

interface KvEntry {
  readonly Key: string
  readonly Value: string
}

async function entriesOf(address: string, prefix: string): Promise<readonly KvEntry[]> {
  const response = await fetch(`http://${address}/v1/kv/${prefix}/data/?recurse`)
  return (await response.json()) as readonly KvEntry[]
}

/** Bodies of transactions that put all of `entries` elsewhere, as full as Consul takes them. */
function bodiesOf(entries: readonly KvEntry[]): readonly string[] {
  const bodies: string[][] = [[]]
  let size = 2
  for (const { Key, Value } of entries) {
    const operation = JSON.stringify({ KV: { Verb: 'set', Key: `raw/${Key}`, Value } })
    if (bodies.at(-1)!.length === MAX_OPERATIONS || size + operation.length > MAX_BODY) {
      bodies.push([])
      size = 2
    }
    bodies.at(-1)!.push(operation)
    size += operation.length + 1
  }
  return bodies.map((operations) => `[${operations}]`)
}

/** Between two runs, so that nothing is there already. */
function remove(address: string, prefix: string): void {
  const url = `http://${address}/v1/kv/${prefix}/?recurse`
  spawnSync(process.execPath, ['-e', `fetch(${JSON.stringify(url)}, { method: 'DELETE' })`])
}

async function applying(nsctl: string, address: string): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'nsctl-bench-'))
  try {
    const [manifests, bodies] = [join(folder, 'services.json'), join(folder, 'bodies.json')]
    writeFileSync(manifests, jsonOf(COUNT))
    const apply = {
      name: 'apply',
      command: [nsctl, '--store', `consul://${address}/apply`, 'apply', '-f', manifests],
      env: cleanEnv(),
      before: () => remove(address, 'apply'),
    } as const
    compare([apply], 0)
    writeFileSync(bodies, JSON.stringify(bodiesOf(await entriesOf(address, 'apply'))))
    const raw = {
      name: 'raw',
      command: [process.execPath, join(import.meta.dirname, 'floor/consul.ts'), address, bodies],
      env: cleanEnv(),
      before: () => remove(address, 'raw'),
    } as const
    const [floor, applied] = compare([raw, apply], ROUNDS).map(({ medianMs }) => medianMs) as [number, number]
    return [
      { bench, what: `raw transactions, ${COUNT} Services`, value: floor, unit: 'ms' },
      { bench, what: `apply ${COUNT} json / raw`, value: applied / floor, unit: '×', goal: 2 },
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function watching(address: string): Promise<readonly Row[]> {
  const few = await watchCost(address, 10)
  const many = await watchCost(address, 10_000)
  return [
    { bench, what: 'commit → watcher, 10 objects stored', value: few.medianMs, unit: 'ms' },
    { bench, what: '… 10,000 / 10 objects', value: many.medianMs / few.medianMs, unit: '×', goal: 1.5 },
    { bench, what: 'on the wire per change of 1 KB and watcher', value: many.kilobytes, unit: 'KB', goal: 6 },
  ]
}

/** From the beginning of a commit until a watcher in another connection has it, and what the watcher's connections carry. */
async function watchCost(address: string, stored: number): Promise<{ medianMs: number; kilobytes: number }> {
  const proxy = await startProxy(address)
  const prefix = `watch-${stored}`
  const [writer, reader] = [await open(address, prefix), await open(proxy.address, prefix)]
  const key = (i: number) => `obj/nsctl.dev/services/default/s-${i}`
  const text = 'x'.repeat(1_000)
  for (let from = 0; from < stored; from += 500)
    await writer.commit(
      Array.from({ length: Math.min(500, stored - from) }, (_, i) => [
        { kind: 'put', key: key(from + i), value: text, expect: 0 },
      ]),
    )
  let revision = (await reader.list([])).revision
  const stop = new AbortController()
  let arrived: (() => void) | undefined
  const watch = (async () => {
    for await (const _ of reader.watch(['obj/'], revision, stop.signal)) arrived?.()
  })()
  const times: number[] = []
  revision = (await writer.get(key(0)))!.revision
  for (let i = -10; i < CHANGES; i++) {
    if (i === 0) proxy.reset()
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const startedMs = performance.now()
    const [result] = await writer.commit([[{ kind: 'put', key: key(0), value: text + i, expect: revision }]])
    if (result?.kind === 'committed') revision = result.revision
    await arrival
    if (i >= 0) times.push(performance.now() - startedMs)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const kilobytes = proxy.bytes() / CHANGES / 1024
  stop.abort()
  await watch
  await Promise.all([writer.close(), reader.close()])
  proxy.close()
  return { medianMs: median(times), kilobytes }
}

/** Many agents, each watching its own node: who is woken by what is none of theirs. */
async function agents(address: string): Promise<readonly Row[]> {
  const proxy = await startProxy(address)
  const [writer, reader] = [await open(address, 'agents'), await open(proxy.address, 'agents')]
  const all = Array.from({ length: AGENTS }, (_, i) => `node/n${i}/`)
  await writer.commit(all.map((node) => [{ kind: 'put', key: `${node}a`, value: 'x', expect: 0 }]))
  const { revision } = await reader.list([])
  const stop = new AbortController()
  let heard = 0
  const watches = all.map(async (node) => {
    for await (const _ of reader.watch([node], revision, stop.signal)) heard++
  })
  await writer.commit(all.map((node) => [{ kind: 'put', key: `${node}a`, value: 'begun' }]))
  for (let left = 300; heard < AGENTS && left > 0; left--)
    await new Promise((resolve) => setTimeout(resolve, 100))
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  proxy.reset()
  const elsewhere = (i: number) => ({ kind: 'put', key: `obj/${i}`, value: 'x' }) as const
  for (let i = 0; i < 50; i++)
    await writer.commit([[elsewhere(i), { kind: 'put', key: 'node/other/a', value: `${i}` }]])
  await new Promise((resolve) => setTimeout(resolve, 500))
  const woken = proxy.answered()
  stop.abort()
  await Promise.all(watches)
  await Promise.all([writer.close(), reader.close()])
  proxy.close()
  return [
    {
      bench,
      what: `of ${AGENTS} agents woken by 50 unrelated changes`,
      value: woken,
      unit: 'count',
      goal: 0,
    },
  ]
}

async function throughput(address: string): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const [what, stores, callers] of [
    ['1 writer', 1, 1],
    ['8 writers, a process each', 8, 1],
    ['64 writers in one process', 1, 64],
  ] as const) {
    const opened = await Promise.all(
      Array.from({ length: stores }, () => open(address, `commits-${stores}-${callers}`)),
    )
    let done = 0
    const startedMs = performance.now()
    const write = async (store: Store, name: string) => {
      for (let i = 0; performance.now() - startedMs < SECONDS * 1_000; i++) {
        const put = (kind: string) =>
          ({ kind: 'put', key: `${kind}/${name}/${i}`, value: 'x'.repeat(1_000), expect: 0 }) as const
        await store.commit([[put('obj'), put('rev')]])
        done++
      }
    }
    await Promise.all(
      opened.flatMap((store, s) => Array.from({ length: callers }, (_, c) => write(store, `${s}-${c}`))),
    )
    rows.push({ bench, what: `commits/s, ${what}`, value: done / SECONDS, unit: 'count' })
    await Promise.all(opened.map((store) => store.close()))
  }
  return rows
}
