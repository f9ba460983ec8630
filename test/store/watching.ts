/** Follows a watch in the background and lets a test wait for what it reported. */
import type { Change, StoreWatcher, WatchBatch } from '../../src/store/store.ts'

/** How long a report may take. Shorter where a test wants to see it fail. */
const boundMs = () => Number(process.env.NSCTL_TEST_WATCH_BOUND_MS ?? 20_000)

export interface Watching {
  readonly batches: readonly WatchBatch[]
  /** All changes so far, in the order they were reported; without what some stores say besides. */
  changes(): readonly Change[]
  /** Those that were said to be of keys that had not been there. */
  news(): readonly Change[]
  /** Resolves once `done` holds; fails with what was reported where it does not in time. */
  until(what: string, done: (watching: Watching) => boolean): Promise<void>
  /** Ends the watch; rejects with what it threw. */
  stop(): Promise<void>
}

export function follow(store: StoreWatcher, prefixes: readonly string[], from: number): Watching {
  const batches: WatchBatch[] = []
  const abort = new AbortController()
  let wake: (() => void) | undefined
  const ended = (async () => {
    for await (const batch of store.watch(prefixes, from, abort.signal)) {
      batches.push(batch)
      wake?.()
    }
  })()
  // reported by stop(), or by until() when it wakes
  ended.catch(() => wake?.())
  const watching: Watching = {
    batches,
    changes: () => reported(batches).map(plain),
    news: () => reported(batches).filter((change) => change.kind === 'put' && change.isNew === true),
    async until(what, done) {
      const limitMs = boundMs()
      const deadline = performance.now() + limitMs
      while (!done(watching)) {
        const leftMs = deadline - performance.now()
        if (leftMs <= 0) throw new Error(`no ${what} within ${limitMs} ms; seen ${preview(batches)}`)
        let timer: NodeJS.Timeout | undefined
        await Promise.race([
          new Promise<void>((resolve) => {
            wake = resolve
            timer = setTimeout(resolve, leftMs)
          }),
          ended.then(() => {
            if (!done(watching)) throw new Error(`the watch ended before ${what}; seen ${preview(batches)}`)
          }),
        ]).finally(() => clearTimeout(timer))
      }
    },
    async stop() {
      abort.abort()
      await ended
    },
  }
  return watching
}

function reported(batches: readonly WatchBatch[]): readonly Change[] {
  return batches.flatMap((batch) => (batch.kind === 'changes' ? batch.changes : []))
}

function plain(change: Change): Change {
  if (change.kind === 'delete') return change
  const { isNew: _, ...rest } = change
  return rest
}

function preview(batches: readonly WatchBatch[]): string {
  return JSON.stringify(batches).slice(0, 600)
}
