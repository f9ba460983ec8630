/** A history that others can go on with: what one process appends, those that stand by read along. */
import { type Clock, delay } from '../../core/clock.ts'
import { isNsctlError, messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { type HistoryEntry, type HistoryQuery, type HistoryStore, subjectKey } from './history.ts'
import { decodeSegment, encodeSegments, type SegmentLog, type SegmentReader } from './segments.ts'

const PUBLISH_EVERY_MS = 15_000
const FOLLOW_EVERY_MS = 10_000
/** Kept while the log is away; then the oldest go. */
const MAX_WAITING = 50_000
/** Of one publication, so that the ring holds several minutes: where there is more, samples are thinned to the newest of each object. */
const MAX_SEGMENTS = 6
/** Objects whose latest decisions are published; they are large, and of many none are. */
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
  #publishing = false
  /** Number of the last segment that the local history has. */
  #position = 0

  constructor(options: ReplicatedHistoryOptions) {
    this.#options = options
  }

  append(entry: HistoryEntry): void {
    this.#options.local.append(entry)
    if (!this.#publishing) return
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
    }
  }

  async #publishWaiting(log: SegmentLog): Promise<void> {
    const entries = this.#waiting
    if (entries.length === 0) return
    this.#waiting = []
    try {
      for (const text of await segmentsOf(entries)) this.#position = await log.append(text)
    } catch (error) {
      // some may be there already: those who read them twice keep one
      this.#waiting = [...entries, ...this.#waiting].slice(-MAX_WAITING)
      throw error
    }
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
  const single = newestOfEach(entries, 'latest')
  const latest = single.reduce((count, { kind }) => (kind === 'latest' ? count + 1 : count), 0)
  const published = latest <= MAX_LATEST ? single : single.filter(({ kind }) => kind !== 'latest')
  const segments = await encodeSegments(published)
  if (segments.length <= MAX_SEGMENTS) return segments
  const others = single.filter(({ kind }) => kind !== 'latest')
  return (await encodeSegments(newestOfEach(others, 'sample'))).slice(-MAX_SEGMENTS)
}

/** Without all of a kind but the newest of each object. */
function newestOfEach(entries: readonly HistoryEntry[], kind: HistoryEntry['kind']): readonly HistoryEntry[] {
  const newest = new Map<string, HistoryEntry>()
  for (const entry of entries) if (entry.kind === kind) newest.set(subjectKey(entry), entry)
  return entries.filter((entry) => entry.kind !== kind || newest.get(subjectKey(entry)) === entry)
}
