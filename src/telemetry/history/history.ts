/**
 * What happened to objects over time: decisions, and the samples they were made of. Kept where the controller runs; what it costs to lose is
 * an answer, never a workload, so nothing waits for it.
 */
import type { Json } from '../../core/json.ts'

export interface HistoryEntry {
  /** `ScaledObject/default/web` */
  readonly object: string
  /** Wall clock, milliseconds. Entries of one object and kind with the same time are one: the first. */
  readonly atMs: number
  /**
   * A decision changed something and is kept in full; a sample is numbers only, and is thinned out with age; the latest is the newest
   * decision whether or not it changed anything: of each object there is one, which takes the place of the one before.
   */
  readonly kind: 'decision' | 'sample' | 'latest'
  readonly content: Json
}

export interface HistoryQuery {
  readonly object: string
  readonly kind: HistoryEntry['kind']
  /** Wall clock: from, included, to, excluded. */
  readonly fromMs?: number
  readonly toMs?: number
  /** The newest so many; all if left out. */
  readonly limit?: number
}

export interface HistoryWriter {
  /** Returns at once. Written within a second; what cannot be written is counted and said in the log, once a minute. */
  append(entry: HistoryEntry): void
}

export interface HistoryReader {
  /** Newest first. */
  list(query: HistoryQuery): Promise<readonly HistoryEntry[]>
}

/** Where it is kept, for the process that writes it. */
export interface HistoryStore extends HistoryWriter, HistoryReader {
  /** Writes what is not written yet. It may be called twice; what is appended afterwards is lost. */
  close(): Promise<void>
}
