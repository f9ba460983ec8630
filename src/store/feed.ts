/** Watches over a store that can say what changed since a revision: paging, waiting and ending are the same for all. */
import type { WatchBatch } from './store.ts'

/** Wakes those who wait for news. A ring between looking and waiting is not lost: the waiter says what it has heard. */
export class Bell {
  #rings = 0
  #waiting = new Set<() => void>()

  /** Pass it to `wait` to be woken by any later ring. */
  get rings(): number {
    return this.#rings
  }

  ring(): void {
    this.#rings++
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const wake of waiting) wake()
  }

  /** Resolves at the first ring after the `heard`th, or when the signal aborts. Never rejects. */
  wait(heard: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#rings !== heard) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      const onAbort = () => {
        this.#waiting.delete(wake)
        resolve()
      }
      this.#waiting.add(wake)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}

/** One look at what happened after a revision. */
export interface FeedPage {
  /** Absent where nothing that is watched changed. */
  readonly batch?: WatchBatch
  /** Go on from here. */
  readonly cursor: number
  /** There is more to read at once. */
  readonly more: boolean
}

export interface Feed {
  /** A page of what happened after `cursor`; whole transactions only, so that a watch can be taken up again after it. */
  read(cursor: number): FeedPage | Promise<FeedPage>
  readonly bell: Bell
}

/** Yields what `feed` reads, from `from` on, until the signal aborts. */
export async function* follow(feed: Feed, from: number, signal: AbortSignal): AsyncGenerator<WatchBatch> {
  let cursor = from
  while (!signal.aborted) {
    const heard = feed.bell.rings
    const page = await feed.read(cursor)
    if (signal.aborted) return
    cursor = page.cursor
    if (page.batch !== undefined) yield page.batch
    else if (!page.more) await feed.bell.wait(heard, signal)
  }
}
