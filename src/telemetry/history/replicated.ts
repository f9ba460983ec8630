/** A history that others can go on with: what one process appends, those that stand by read along. */
import { type Clock, delay } from '../../core/clock.ts'
import { isNsctlError, messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import {
  type HistoryEntry,
  type HistoryQuery,
  type HistoryStore,
  type HistorySubject,
  subjectKey,
} from './history.ts'
import { decodeSegment, encodeSegments, type SegmentLog, type SegmentReader } from './segments.ts'

const PUBLISH_EVERY_MS = 15_000
const FOLLOW_EVERY_MS = 10_000
/** Kept while the log is away; then the oldest go. */
const MAX_WAITING = 50_000
/** Of one publication, so that the ring holds several minutes: where there is more, samples are thinned to the newest of each object. */
const MAX_SEGMENTS = 6
/** Latest decisions of one publication: they are large, about a segment. Of more objects those that have waited longest. */
const MAX_LATEST = 300
/** The last publication of a term must not hold up the next leader. */
const LAST_LIMIT_MS = 2_000

export interface ReplicatedHistoryOptions {
  readonly local: HistoryStore
  readonly clock: Clock
  readonly logger: Logger
}

export class ReplicatedHistory implements HistoryStore {
  readonly #options: ReplicatedHistoryOptions
  #waiting: HistoryEntry[] = []
  /** Whose latest decision is not published, those first that have waited longest. What it is the local history knows. */
  readonly #unpublished = new Map<string, HistorySubject>()
  #publishing = false
  /** Number of the last segment that the local history has. */
  #position = 0

  constructor(options: ReplicatedHistoryOptions) {
    this.#options = options
  }

  append(entry: HistoryEntry): void {
    this.#options.local.append(entry)
    if (!this.#publishing) return
    if (entry.kind === 'latest') {
      const { object, uid } = entry
      this.#unpublished.set(subjectKey(entry), { object, uid })
      return
    }
    this.#waiting.push(entry)
    if (this.#waiting.length > MAX_WAITING) this.#waiting.splice(0, this.#waiting.length - MAX_WAITING)
  }

  list(query: HistoryQuery): Promise<readonly HistoryEntry[]> {
    return this.#options.local.list(query)
  }

  close(): Promise<void> {
    return this.#options.local.close()
  }

  /** Reads what others have published since the last time. Rejects where the log cannot be read. */
  async catchUp(log: SegmentReader): Promise<void> {
    for (const { number, text } of await log.read(this.#position)) {
      for (const entry of decodeSegment(text)) this.#options.local.append(entry)
      this.#position = number
    }
  }

  /** Reads along while this process does not publish, until `signal` aborts. */
  async follow(log: SegmentReader, signal: AbortSignal): Promise<void> {
    await this.#every(FOLLOW_EVERY_MS, signal, async () => {
      if (!this.#publishing) await this.catchUp(log)
    })
  }

  /** Publishes what is appended from now on, until `signal` aborts or another publishes. */
  async publish(log: SegmentLog, signal: AbortSignal): Promise<void> {
    this.#publishing = true
    try {
      await this.#every(PUBLISH_EVERY_MS, signal, () => this.#publishWaiting(log))
      await Promise.race([
        this.#publishWaiting(log).catch(() => undefined),
        delay(this.#options.clock, LAST_LIMIT_MS),
      ])
    } finally {
      this.#publishing = false
      this.#waiting = []
      this.#unpublished.clear()
    }
  }

  async #publishWaiting(log: SegmentLog): Promise<void> {
    const entries = this.#waiting
    const latest = [...this.#unpublished].slice(0, MAX_LATEST)
    if (entries.length === 0 && latest.length === 0) return
    this.#waiting = []
    for (const [key] of latest) this.#unpublished.delete(key)
    try {
      const segments = await segmentsOf(entries)
      const more = await encodeSegments(await this.#latestOf(latest.map(([, subject]) => subject)))
      const isRoom = segments.length + more.length <= MAX_SEGMENTS
      for (const text of isRoom ? [...segments, ...more] : segments) this.#position = await log.append(text)
      if (!isRoom) this.#keepBack(latest)
    } catch (error) {
      // some may be there already: those who read them twice keep one
      this.#waiting = [...entries, ...this.#waiting].slice(-MAX_WAITING)
      this.#keepBack(latest)
      throw error
    }
  }

  async #latestOf(subjects: readonly HistorySubject[]): Promise<readonly HistoryEntry[]> {
    const { local } = this.#options
    const found = await Promise.all(subjects.map((one) => local.list({ ...one, kind: 'latest', limit: 1 })))
    return found.flat()
  }

  /** They come before those that have come to wait meanwhile. */
  #keepBack(latest: readonly (readonly [string, HistorySubject])[]): void {
    const all = [...latest, ...this.#unpublished]
    this.#unpublished.clear()
    for (const [key, subject] of all) this.#unpublished.set(key, subject)
  }

  /** Until `signal` aborts, or the log refuses this process for another. What else fails is tried again, and said once. */
  async #every(everyMs: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#options
    let failures = 0
    while (!signal.aborted) {
      try {
        await work()
        failures = 0
      } catch (error) {
        if (isNsctlError(error, 'Fenced')) return
        if (++failures === 1) logger.log('warn', `the history cannot be replicated: ${messageOf(error)}`)
      }
      await delay(clock, everyMs, signal).catch(() => undefined)
    }
  }
}

async function segmentsOf(entries: readonly HistoryEntry[]): Promise<readonly string[]> {
  const segments = await encodeSegments(entries)
  if (segments.length <= MAX_SEGMENTS) return segments
  return (await encodeSegments(newestSamples(entries))).slice(-MAX_SEGMENTS)
}

/** Without all samples but the newest of each subject. */
function newestSamples(entries: readonly HistoryEntry[]): readonly HistoryEntry[] {
  const newest = new Map<string, HistoryEntry>()
  for (const entry of entries) if (entry.kind === 'sample') newest.set(subjectKey(entry), entry)
  return entries.filter((entry) => entry.kind !== 'sample' || newest.get(subjectKey(entry)) === entry)
}
