/** SQLite: how soon a watcher in another process has a change, and what watching costs while nothing changes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/core/clock.ts'
import { silentLogger } from '../src/core/logger.ts'
import { openSqliteStore } from '../src/store/sqlite/store.ts'
import type { Store } from '../src/store/store.ts'
import type { Row } from './measure.ts'

const CHANGES = 400
/** Apart, so that each is a change by itself. */
const EVERY_MS = 15
const IDLE_MS = 5_000
const KEY = 'obj/clock'

/** Milliseconds on a clock that all processes of the machine share. */
const nowMs = () => Number(process.hrtime.bigint()) / 1e6

function open(path: string, readOnly: boolean): Promise<Store> {
  return openSqliteStore({ path, clock: systemClock, logger: silentLogger, readOnly })
}

export async function benchWatch(): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'nsctl-bench-'))
  const path = join(folder, 'store.db')
  const store = await open(path, false)
  const watcher = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', import.meta.filename, path],
    {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  )
  try {
    await next(watcher, 'watching')
    watcher.send('idle')
    const { cpuMs } = (await next(watcher, 'idle')) as { readonly cpuMs: number }
    const latencies: number[] = []
    for (let count = 0; count < CHANGES; count++) {
      const seen = next(watcher, 'seen')
      const begunMs = nowMs()
      await store.commit([[{ kind: 'put', key: KEY, value: `${count}` }]])
      const committedMs = nowMs()
      const { atMs } = (await seen) as { readonly atMs: number }
      latencies.push(atMs - Math.min(committedMs, atMs))
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, EVERY_MS - (nowMs() - begunMs))))
    }
    latencies.sort((a, b) => a - b)
    const bench = 'watch sqlite'
    const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))] ?? Number.NaN
    return [
      { bench, what: 'commit → watcher in another process, median', value: at(0.5), unit: 'ms', goal: 2 },
      { bench, what: 'the same, 99 of 100', value: at(0.99), unit: 'ms', goal: 10 },
      { bench, what: 'a watcher, idle, of one core', value: (100 * cpuMs) / IDLE_MS, unit: '%', goal: 1 },
    ]
  } finally {
    watcher.kill()
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The next message of that kind. */
function next(child: ChildProcess, kind: string): Promise<object> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown) => {
      if (typeof message !== 'object' || message === null || !('kind' in message) || message.kind !== kind)
        return
      child.off('message', onMessage).off('exit', onExit)
      resolve(message)
    }
    const onExit = (code: number | null) => reject(new Error(`the watcher ended with ${code}`))
    child.on('message', onMessage).once('exit', onExit)
  })
}

/** The other process. */
async function watch(path: string): Promise<void> {
  const store = await open(path, true)
  const { revision } = await store.list([''])
  const tell = (message: object) => process.send?.(message)
  process.on('message', async () => {
    const before = process.cpuUsage()
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
    const { user, system } = process.cpuUsage(before)
    tell({ kind: 'idle', cpuMs: (user + system) / 1e3 })
  })
  // from when it listens on, and not before
  setTimeout(() => tell({ kind: 'watching' }), 300)
  for await (const batch of store.watch([KEY], revision, new AbortController().signal))
    if (batch.kind === 'changes') tell({ kind: 'seen', atMs: nowMs() })
}

const [, script, path] = process.argv
if (script === import.meta.filename && path !== undefined) await watch(path)
