/** Keeps a cache true: lists once, then watches, and starts over when the store says so. */
import type { ResourceChange, ResourceReader, WatchScope } from '../api/api.ts'
import { type Clock, delay } from '../core/clock.ts'
import { messageOf, NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { AnyResource } from '../resources/object.ts'
import { type BackoffOptions, backoffMs } from './backoff.ts'
import { type ObjectCache, WritableCache } from './cache.ts'
import { isOutage } from './failures.ts'

/** What an informer needs of the api. */
export type WatchableReader = Pick<ResourceReader, 'listAll' | 'watch'> & {
  readonly kinds: Pick<ResourceReader['kinds'], 'byKind'>
}

export interface InformersOptions {
  readonly reader: WatchableReader
  /** Narrows all that is listed and watched. */
  readonly scope?: WatchScope
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  readonly backoff?: BackoffOptions
  /** What is kept of an object, where some of it is large and nobody reads it here. */
  readonly slim?: (object: AnyResource) => AnyResource
}

/** A store that is back is found within seconds, and not stormed by all who wait for it. */
const STORE_BACKOFF: BackoffOptions = { baseMs: 100, maxMs: 5_000 }

/** One list and one watch for several kinds, whoever and however many read them. */
export class Informers {
  readonly #options: InformersOptions
  readonly #cache: WritableCache
  /** In a row. */
  #failures = 0
  /** The message that was logged last, since the store was there. */
  #told: string | undefined

  constructor(options: InformersOptions) {
    this.#options = options
    this.#cache = new WritableCache((error, change) => {
      const fields = { kind: change.ref.kind, name: change.ref.name, error }
      options.logger.log('error', `a handler of changes threw: ${messageOf(error)}`, fields)
    })
  }

  get cache(): ObjectCache {
    return this.#cache
  }

  /** Adds a kind to what is listed and watched. Before `run`. */
  addKind(kind: string): void {
    this.#options.reader.kinds.byKind(kind)
    this.#cache.addKind(kind)
  }

  /**
   * Fills the cache and keeps it true until `signal` aborts; then it resolves. While the store is away, or worse, the cache
   * keeps what it has and this tries again; each trouble is logged once, and so is its end. Never rejects.
   */
  async run(signal: AbortSignal): Promise<void> {
    let from: number | undefined
    while (!signal.aborted) {
      try {
        from ??= await this.#list()
        from = await this.#watch(from, signal)
      } catch (error) {
        if (signal.aborted) return
        // a watch goes on from where the cache stands; the store says so if it no longer can
        if (from !== undefined) from = this.#cache.revision
        await this.#backOff(error, signal)
      }
    }
  }

  async #list(): Promise<number> {
    const kinds = this.#cache.kinds
    const { reader, scope } = this.#options
    const { lists, revision } = await reader.listAll(
      kinds.map((kind) => reader.kinds.byKind(kind)),
      scope,
    )
    this.#recovered()
    const { slim = same } = this.#options
    this.#cache.replace(new Map(kinds.map((kind, index) => [kind, (lists[index] ?? []).map(slim)])), revision)
    return revision
  }

  /** Follows the watch. Resolves to undefined where it has to be listed anew. */
  async #watch(from: number, signal: AbortSignal): Promise<number | undefined> {
    const { reader, scope, slim } = this.#options
    const kinds = this.#cache.kinds.map((kind) => reader.kinds.byKind(kind))
    for await (const batch of reader.watch(kinds, from, signal, scope)) {
      this.#recovered()
      if (batch.kind === 'relist') return undefined
      const { changes, revision } = batch
      this.#cache.apply(slim === undefined ? changes : changes.map((one) => slimmed(one, slim)), revision)
    }
    if (signal.aborted) return this.#cache.revision
    throw new NsctlError('Unreachable', 'the watch ended by itself')
  }

  #recovered(): void {
    if (this.#failures > 0) {
      this.#options.logger.log('info', 'the store is back', { afterTries: this.#failures })
    }
    this.#failures = 0
    this.#told = undefined
  }

  async #backOff(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, logger, random, backoff } = this.#options
    this.#failures++
    const message = messageOf(error)
    const level = message === this.#told ? 'debug' : isOutage(error) ? 'warn' : 'error'
    this.#told = message
    logger.log(level, `cannot watch the store, trying again: ${message}`, { error })
    await delay(clock, backoffMs(this.#failures, backoff ?? STORE_BACKOFF, random), signal).catch(() => {})
  }
}

function slimmed(change: ResourceChange, slim: (object: AnyResource) => AnyResource): ResourceChange {
  return change.kind === 'put' ? { ...change, object: slim(change.object) } : change
}

function same(object: AnyResource): AnyResource {
  return object
}
