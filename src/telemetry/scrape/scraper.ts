/** Scrapes nodes for all who want to know what instances use: each node once a second at most, whoever asks. */
import { type Clock, delay } from '../../core/clock.ts'
import type { FetchMetrics } from './fetch.ts'
import { type NodeCounts, READ_NAMES, readCounts } from './sample.ts'

export interface ScraperOptions {
  readonly clock: Clock
  /** The timeline of samples. */
  readonly steadyMs: () => number
  readonly fetch: FetchMetrics
}

export interface NodeTarget {
  readonly node: string
  readonly url: string
}

export type Resource = 'cpu' | 'memory' | 'io'

/** Thousandths of a core, bytes, bytes a second. */
export interface UsageSample {
  readonly value: number
  /** On the steady timeline: the end of the window. */
  readonly atMs: number
  readonly windowMs: number
}

interface Scrape {
  readonly atMs: number
  /** The wall clock's time then. */
  readonly wallMs: number
  readonly counts: NodeCounts
}

interface Target {
  /** Oldest first: those within the window, and the newest before it. */
  scrapes: readonly Scrape[]
  underWay: Promise<void> | undefined
}

/** A scrape so young answers whoever asks. */
const FRESH_MS = 1_000
/** What is used is averaged over so long, or since the last look where that is longer ago. */
const WINDOW_MS = 15_000
/** What is used in less says nothing. */
const LEAST_WINDOW_MS = 900
/** A rate since a look that is longer ago says nothing about now. */
const LONGEST_WINDOW_MS = 300_000
const TIMEOUT_MS = 2_500

export class NodeScraper {
  readonly #options: ScraperOptions
  readonly #targets = new Map<string, Target>()

  constructor(options: ScraperOptions) {
    this.#options = options
  }

  /**
   * The newest samples of those instances of a node that `keys` names (namespace/name); what is not known is missing. Rates take two looks: where nobody has asked for a while it takes a second
   * to have both. Rejects with Unreachable, or the signal's reason.
   */
  async usage(
    { node, url }: NodeTarget,
    resource: Resource,
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, UsageSample>> {
    const key = `${node} ${url}`
    const target = this.#targets.get(key) ?? { scrapes: [], underWay: undefined }
    this.#targets.set(key, target)
    await this.#look(target, { node, url }, signal)
    if (resource === 'memory') return samplesOf(keys, (key) => memoryOf(key, target.scrapes))
    if (target.scrapes.length < 2) {
      // a timer may be early by a fraction of a millisecond
      await delay(this.#options.clock, FRESH_MS + 10, signal)
      await this.#look(target, { node, url }, signal)
    }
    const rate = resource === 'cpu' ? CPU : IO
    return samplesOf(keys, (key) => rateOf(key, target.scrapes, rate))
  }

  /** Forgets nodes that are no more. */
  keep(nodes: ReadonlySet<string>): void {
    for (const key of this.#targets.keys()) {
      if (!nodes.has(key.slice(0, key.indexOf(' ')))) this.#targets.delete(key)
    }
  }

  async #look(target: Target, of: NodeTarget, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const last = target.scrapes.at(-1)
    if (last !== undefined && this.#options.steadyMs() - last.atMs < FRESH_MS) return
    target.underWay ??= this.#scrape(target, of).finally(() => {
      target.underWay = undefined
    })
    await unlessAborted(target.underWay, signal)
  }

  /** It goes on for others where the one who asked first has given up. */
  async #scrape(target: Target, { node, url }: NodeTarget): Promise<void> {
    const { clock, steadyMs, fetch } = this.#options
    const query = READ_NAMES.map((name) => `name[]=${name}`).join('&')
    const text = await fetch(`${url}?${query}`, AbortSignal.timeout(TIMEOUT_MS))
    const now: Scrape = { atMs: steadyMs(), wallMs: clock.now(), counts: readCounts(text, node) }
    const before = target.scrapes.filter(({ atMs }) => now.atMs - atMs <= LONGEST_WINDOW_MS)
    const first = before.findLastIndex(({ atMs }) => now.atMs - atMs >= WINDOW_MS)
    target.scrapes = [...before.slice(Math.max(0, first)), now]
  }
}

function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function samplesOf(
  keys: readonly string[],
  of: (key: string) => UsageSample | undefined,
): ReadonlyMap<string, UsageSample> {
  return new Map(
    keys.flatMap((key) => {
      const sample = of(key)
      return sample === undefined ? [] : [[key, sample] as const]
    }),
  )
}

function memoryOf(key: string, scrapes: readonly Scrape[]): UsageSample | undefined {
  const now = scrapes.at(-1)
  const value = now?.counts.get(key)?.memoryBytes
  return now === undefined || value === undefined ? undefined : { value, atMs: now.atMs, windowMs: 0 }
}

interface Rate {
  readonly member: 'cpuSeconds' | 'ioBytes'
  readonly factor: number
}

const CPU: Rate = { member: 'cpuSeconds', factor: 1_000 }
const IO: Rate = { member: 'ioBytes', factor: 1 }

/** Since the first look that has the instance, or since its start where it came after the last look. */
function rateOf(key: string, scrapes: readonly Scrape[], { member, factor }: Rate): UsageSample | undefined {
  const now = scrapes.at(-1)
  const counts = now?.counts.get(key)
  const used = counts?.[member]
  if (now === undefined || counts === undefined || used === undefined) return undefined
  const sample = (added: number, windowMs: number): UsageSample | undefined =>
    added < 0 || windowMs < LEAST_WINDOW_MS
      ? undefined
      : { value: (added / (windowMs / 1_000)) * factor, atMs: now.atMs, windowMs: Math.round(windowMs) }
  const before = scrapes.find((one) => one !== now && one.counts.get(key)?.[member] !== undefined)
  if (before !== undefined)
    return sample(used - (before.counts.get(key)?.[member] ?? 0), now.atMs - before.atMs)
  const lastLook = scrapes.at(-2)
  if (lastLook === undefined || counts.startedAtSeconds === undefined) return undefined
  const aliveMs = now.wallMs - counts.startedAtSeconds * 1_000
  // it was there and was not told of: what it used before is not known
  return aliveMs > now.atMs - lastLook.atMs + FRESH_MS ? undefined : sample(used, aliveMs)
}
