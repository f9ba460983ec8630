/**
 * What happened to objects over time: decisions, and the samples they were made of. Kept where the controller runs; what it costs to lose is
 * an answer, never a workload, so nothing waits for it.
 */
import type { Json } from '../../core/json.ts'

/** What history is about. One that is deleted and made anew is another, under the same name. */
export interface HistorySubject {
  /** `ScaledObject/default/web` */
  readonly object: string
  /** The object's; empty where it is from before it was written down. */
  readonly uid: string
}

export interface HistoryEntry extends HistorySubject {
  /** Wall clock, milliseconds. Entries of one subject and kind with the same time are one: the first. */
  readonly atMs: number
  /**
   * A decision changed something and is kept in full; a sample is numbers only, and is thinned out with age; the latest is the newest
   * decision whether or not it changed anything: of each subject there is one, which takes the place of the one before.
   */
  readonly kind: 'decision' | 'sample' | 'latest'
  readonly content: Json
}

export interface HistoryQuery {
  readonly object: string
  /** Of this one alone; of all that had the name where left out. */
  readonly uid?: string
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

/** The same for all entries of a subject, and for no others. */
export function subjectKey({ object, uid }: HistorySubject): string {
  return `${object} ${uid}`
}
