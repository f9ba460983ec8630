/** Scrapes nodes for all who want to know what instances use: each node once a second at most, whoever asks. */
import { type Clock, delay } from '../../core/clock.ts'
import type { FetchMetrics, NodeTarget } from './fetch.ts'
import { CPU, FRESH_MS, IO, memoryOf, rateOf, type Scrape, type UsageSample } from './rates.ts'
import { READ_NAMES, readCounts } from './sample.ts'
import { Turns } from './turns.ts'

export interface ScraperOptions {
  readonly clock: Clock
  /** The timeline of samples. */
  readonly steadyMs: () => number
  readonly fetch: FetchMetrics
}

export type Resource = 'cpu' | 'memory' | 'io'

interface Target {
  /** Oldest first: those within the window, and the newest before it. */
  scrapes: readonly Scrape[]
  underWay: Promise<void> | undefined
}

/** What is used is averaged over so long, or since the last look where that is longer ago. */
const WINDOW_MS = 15_000
/** A rate since a look that is longer ago says nothing about now. */
const LONGEST_WINDOW_MS = 300_000
const TIMEOUT_MS = 2_500
/** So many nodes are asked at once: a Service may have instances on a thousand, and each may have to be connected to. */
const AT_ONCE = 32

export class NodeScraper {
  readonly #options: ScraperOptions
  readonly #targets = new Map<string, Target>()
  readonly #turns = new Turns(AT_ONCE)

  constructor(options: ScraperOptions) {
    this.#options = options
  }

  /**
   * The newest samples of those instances of a node that `keys` names (namespace/name); what is not known is missing. Rates take two looks: where nobody has asked for a while it takes a second
   * to have both. Rejects with Unreachable, or the signal's reason.
   */
  async usage(
    of: NodeTarget,
    resource: Resource,
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, UsageSample>> {
    const key = `${of.node} ${of.places.join(' ')}`
    const target = this.#targets.get(key) ?? { scrapes: [], underWay: undefined }
    this.#targets.set(key, target)
    await this.#look(target, of, signal)
    if (resource === 'memory') return samplesOf(keys, (key) => memoryOf(key, target.scrapes))
    if (target.scrapes.length < 2) {
      // a timer may be early by a fraction of a millisecond
      await delay(this.#options.clock, FRESH_MS + 10, signal)
      await this.#look(target, of, signal)
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
  async #scrape(target: Target, of: NodeTarget): Promise<void> {
    const { clock, steadyMs, fetch } = this.#options
    const text = await this.#turns.take(() => fetch(of, READ_NAMES, AbortSignal.timeout(TIMEOUT_MS)))
    const now: Scrape = { atMs: steadyMs(), wallMs: clock.now(), counts: readCounts(text, of.node) }
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
