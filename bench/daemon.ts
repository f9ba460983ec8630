/** What a daemon costs that has nothing to do: memory for 10,000 stored objects, CPU when idle, a reconcile of them all. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openApi } from '../src/api/open.ts'
import { serviceController } from '../src/controllers/service/controller.ts'
import { systemClock } from '../src/core/clock.ts'
import { randomIds } from '../src/core/ids.ts'
import { clone, deepEqual } from '../src/core/json.ts'
import { silentLogger } from '../src/core/logger.ts'
import { createManager } from '../src/engine/manager.ts'
import { settled } from '../src/engine/reconciler.ts'
import type { ObjectRef } from '../src/resources/object.ts'
import { openSqliteStore } from '../src/store/sqlite/store.ts'
import { cleanEnv, median, type Row } from './measure.ts'
import { serviceOf } from './services.ts'

const COUNT = 10_000
/** Long enough that what V8 still tidies up after the start does not count for much. */
const IDLE_SECONDS = 30
const CALM_SECONDS = 10
const ROUNDS = 7

export async function benchDaemon(nsctl: string): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'nsctl-bench-'))
  try {
    const empty = await observeDaemon(nsctl, join(folder, 'empty'))
    const full = join(folder, 'full')
    fill(nsctl, full, folder)
    const filled = await observeDaemon(nsctl, full)
    const reconcile = await benchReconcile(join(full, 'store.db'))
    return [
      { bench: 'daemon', what: 'memory of an empty up', value: empty.rssMb, unit: 'MB' },
      {
        bench: 'daemon',
        what: `more memory with ${COUNT} stored objects`,
        value: filled.rssMb - empty.rssMb,
        unit: 'MB',
        goal: 120,
      },
      {
        bench: 'daemon',
        what: 'CPU of an idle up, of one core',
        value: empty.cpuPercent,
        unit: '%',
        goal: 1,
      },
      {
        bench: 'daemon',
        what: `CPU of an idle up with ${COUNT}`,
        value: filled.cpuPercent,
        unit: '%',
        goal: 1,
      },
      ...reconcile,
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function fill(nsctl: string, home: string, folder: string): void {
  const file = join(folder, 'part.json')
  for (let from = 0; from < COUNT; from += 1000) {
    const items = Array.from({ length: 1000 }, (_, index) => serviceOf(from + index))
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    const { status, stderr } = spawnSync(nsctl, ['apply', '-f', file], {
      env: cleanEnv({ NSCTL_HOME: home }),
    })
    if (status !== 0) throw new Error(`apply failed: ${stderr}`)
  }
}

interface Observed {
  readonly rssMb: number
  readonly cpuPercent: number
}

/** Starts a daemon, waits until it has nothing to do, and watches it. */
async function observeDaemon(nsctl: string, home: string): Promise<Observed> {
  const daemon = spawn(nsctl, ['up', '--own', '--runtime', 'process'], {
    env: cleanEnv({ NSCTL_HOME: home }),
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  try {
    await new Promise<void>((resolve, reject) => {
      daemon.stdout.on('data', (data) => String(data).includes('is ready') && resolve())
      daemon.once('exit', (code) => reject(new Error(`up ended with ${code}`)))
    })
    await quiet(daemon)
    const before = cpuMs(daemon)
    await pause(IDLE_SECONDS * 1000)
    const usedMs = cpuMs(daemon) - before
    return { rssMb: rssMb(daemon), cpuPercent: usedMs / IDLE_SECONDS / 10 }
  } finally {
    const gone = new Promise((resolve) => daemon.once('exit', resolve))
    daemon.kill('SIGTERM')
    await gone
  }
}

/** Until ten seconds in a row cost less than 5 % of a core each, since V8 tidies up late; a minute at most. */
async function quiet(daemon: ChildProcess): Promise<void> {
  for (let calm = 0, tries = 0; calm < CALM_SECONDS; tries++) {
    if (tries > 60) throw new Error('the daemon does not come to rest')
    const before = cpuMs(daemon)
    await pause(1000)
    calm = cpuMs(daemon) - before < 50 ? calm + 1 : 0
  }
}

function cpuMs(daemon: ChildProcess): number {
  const fields = readFileSync(`/proc/${daemon.pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  // utime and stime in ticks of 10 ms
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function rssMb(daemon: ChildProcess): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))
  return Number(match?.[1]) / 1024
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Every stored Service reconciled by the real controller through the real queue, where nothing is to be done. */
async function benchReconcile(file: string): Promise<readonly Row[]> {
  const [clock, logger] = [systemClock, silentLogger]
  const store = await openSqliteStore({ path: file, clock, logger })
  const api = await openApi({ store, clock, ids: randomIds, logger })
  const stop = new AbortController()
  const manager = createManager({ api, clock, logger })
  const spec = serviceController({ cache: manager.cache, api, clock })
  let left = 0
  let drained: () => void = () => {}
  const handle = manager.add({
    ...spec,
    // the keys are given by hand, all at once
    watches: spec.watches.map(({ kind }) => ({ kind, toKeys: () => [] })),
    reconciler: {
      async reconcile(key: ObjectRef, signal: AbortSignal) {
        await spec.reconciler.reconcile(key, signal)
        if (--left === 0) drained()
        return settled
      },
    },
  })
  const ended = manager.run(stop.signal)
  await manager.cache.synced
  const services = manager.cache.list('Service')
  const copies = services.map(clone)
  const keys = services.map(
    ({ metadata: { namespace, name } }) => ({ kind: 'Service', namespace, name }) as ObjectRef,
  )
  const reconcileAll = () =>
    new Promise<void>((resolve) => {
      left = keys.length
      drained = resolve
      for (const key of keys) handle.enqueue(key)
    })
  await reconcileAll()
  const [revision, times, floors] = [(await store.stats()).revision, [] as number[], [] as number[]]
  for (let round = -1; round < ROUNDS; round++) {
    const atMs = performance.now()
    await reconcileAll()
    const reconciledMs = performance.now()
    for (const [index, service] of services.entries())
      if (!deepEqual(service, copies[index])) throw new Error('a copy differs')
    if (round < 0) continue
    times.push(reconciledMs - atMs)
    floors.push(performance.now() - reconciledMs)
  }
  const written = (await store.stats()).revision - revision
  stop.abort()
  await ended
  await store.close()
  return [
    {
      bench: 'daemon',
      what: `deep comparison of ${keys.length} Services`,
      value: median(floors),
      unit: 'ms',
    },
    {
      bench: 'daemon',
      what: `no-op reconcile of them / deep comparison`,
      value: median(times) / median(floors),
      unit: '×',
      goal: 3,
    },
    {
      bench: 'daemon',
      what: 'writes that the no-op reconciles made',
      value: written,
      unit: 'count',
      goal: 0,
    },
  ]
}
