/** History that ends with the process: for a store in memory, and for tests. */
import type { Clock } from '../../core/clock.ts'
import { type HistoryEntry, type HistoryQuery, type HistoryStore, subjectKey } from './history.ts'
import { keep, retentionAt } from './retention.ts'

const PRUNE_EVERY_MS = 60_000

export class MemoryHistory implements HistoryStore {
  readonly #clock: Clock
  /** By subject. */
  readonly #entries = new Map<string, HistoryEntry[]>()
  #prunedMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#prunedMs = clock.monotonic()
  }

  append(entry: HistoryEntry): void {
    const key = subjectKey(entry)
    let entries = this.#entries.get(key) ?? []
    const isLatest = entry.kind === 'latest'
    if (
      entries.some(
        ({ kind, atMs }) => kind === entry.kind && (atMs === entry.atMs || (isLatest && atMs > entry.atMs)),
      )
    )
      return
    if (isLatest) entries = entries.filter(({ kind }) => kind !== 'latest')
    entries.push(entry)
    this.#entries.set(key, entries)
    if (this.#clock.monotonic() - this.#prunedMs >= PRUNE_EVERY_MS) this.#prune()
  }

  async list(query: HistoryQuery): Promise<readonly HistoryEntry[]> {
    const {
      object,
      uid,
      kind,
      fromMs = Number.NEGATIVE_INFINITY,
      toMs = Number.POSITIVE_INFINITY,
      limit,
    } = query
    const known =
      uid === undefined
        ? [...this.#entries.values()].flat().filter((entry) => entry.object === object)
        : (this.#entries.get(subjectKey({ object, uid })) ?? [])
    return known
      .filter((entry) => entry.kind === kind && entry.atMs >= fromMs && entry.atMs < toMs)
      .sort((a, b) => b.atMs - a.atMs)
      .slice(0, limit)
  }

  async close(): Promise<void> {}

  #prune(): void {
    this.#prunedMs = this.#clock.monotonic()
    const retention = retentionAt(this.#clock.now())
    for (const [key, entries] of this.#entries) {
      const kept = [...keep(entries, retention)]
      if (kept.length === 0) this.#entries.delete(key)
      else this.#entries.set(key, kept)
    }
  }
}
