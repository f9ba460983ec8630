/** Where the history of a store is kept on this machine, and how its processes share it. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { RING, readSegments, segmentLog } from '../api/history-segments.ts'
import { type Clock, delay } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Fence } from '../store/lease.ts'
import type { Store, StoreReader } from '../store/store.ts'
import { parseStoreUrl } from '../store/url.ts'
import type { HistoryReader, HistoryStore } from '../telemetry/history/history.ts'
import type { Segment } from '../telemetry/history/segments.ts'
import { type Environment, pathsOf } from './paths.ts'

/** A store that is slow must not keep the controllers from their work for long. */
const CATCH_UP_LIMIT_MS = 5_000

/**
 * Beside an embedded store, so that every process that has the one has the other; else in the state directory, a file for each store.
 * Undefined for a store in memory.
 */
export function historyFileOf(env: Environment, storeUrl: string): string | undefined {
  const store = parseStoreUrl(storeUrl)
  if (store.engine === 'memory') return undefined
  if (store.engine === 'sqlite') return `${store.path}-history`
  const name = createHash('sha256').update(storeUrl).digest('hex').slice(0, 12)
  return join(pathsOf(env).stateDir, `history-${name}.db`)
}

/** What may lie beside a history's file, and it. */
export function historyFiles(path: string): readonly string[] {
  return ['', '-wal', '-shm', '.damaged'].map((suffix) => path + suffix)
}

/** The history of a process that runs controllers. */
export interface ControllerHistory {
  readonly store: HistoryStore
  /** Reads along what others publish, until `signal` aborts. */
  follow(signal: AbortSignal): Promise<void>
  /** To be waited for before a term begins: what the last leader published. Never rejects, and takes 5 s at most. */
  catchUp(): Promise<void>
  /** Publishes what is appended, for a term. */
  publish(fence: Fence, signal: AbortSignal): Promise<void>
}

export interface OpenHistoryOptions {
  readonly env: Environment
  readonly clock: Clock
  readonly logger: Logger
  readonly store: Store
}

/** Opens the history for writing. Never rejects for what is wrong with its file. */
export async function openHistory(options: OpenHistoryOptions): Promise<ControllerHistory> {
  const { env, clock, store } = options
  const logger = options.logger.with({ part: 'history' })
  const path = historyFileOf(env, store.url)
  if (path === undefined) {
    const { MemoryHistory } = await import('../telemetry/history/memory.ts')
    return alone(new MemoryHistory(clock))
  }
  const { openSqliteHistory } = await import('../telemetry/history/sqlite/history.ts')
  const local = await openSqliteHistory({ path, clock, logger })
  if (parseStoreUrl(store.url).engine === 'sqlite') return alone(local)
  const { ReplicatedHistory } = await import('../telemetry/history/replicated.ts')
  const history = new ReplicatedHistory({ local, clock, logger })
  return {
    store: history,
    follow: (signal) => history.follow(readSegments(store), signal),
    publish: (fence, signal) => history.publish(segmentLog(store, fence), signal),
    async catchUp() {
      const limit = delay(clock, CATCH_UP_LIMIT_MS)
      await Promise.race([history.catchUp(readSegments(store)), limit]).catch((error) => {
        logger.log('warn', `the history of the last leader cannot be read: ${messageOf(error)}`)
      })
    },
  }
}

/** All that work on the store have the same history, or nobody else has the store. */
function alone(store: HistoryStore): ControllerHistory {
  const nothing = async () => {}
  return { store, follow: nothing, catchUp: nothing, publish: nothing }
}

/** For commands: the file on this machine where there is one, and what is in the store, of which each segment is read once. */
export function historyReader(
  env: Environment,
  store: StoreReader & { readonly url: string },
): HistoryReader {
  const reader = readSegments(store)
  let segments: readonly Segment[] = []
  let reading: Promise<unknown> = Promise.resolve()
  /** One after the other, so that several questions at once read what is new once. */
  const newest = async () => {
    reading = reading
      .catch(() => undefined)
      .then(async () => {
        const news = await reader.read(segments.at(-1)?.number ?? 0)
        segments = [...segments, ...news].slice(-RING)
      })
    await reading
    return segments
  }
  return {
    async list(query) {
      const path = historyFileOf(env, store.url)
      if (path === undefined) return []
      const { openSqliteHistoryReader } = await import('../telemetry/history/sqlite/reader.ts')
      const file = await openSqliteHistoryReader(path)
      try {
        const here = (await file?.list(query)) ?? []
        if (parseStoreUrl(store.url).engine === 'sqlite') return here
        const { mergeSegments } = await import('../telemetry/history/merge.ts')
        return mergeSegments(here, await newest(), query)
      } finally {
        file?.close()
      }
    },
  }
}
