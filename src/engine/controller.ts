/** A controller: what wakes it, and how its reconciler is run, bounded, retried and measured. */
import type { Clock } from '../core/clock.ts'
import { NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { type AnyResource, type ObjectRef, refOfObject } from '../resources/object.ts'
import type { BackoffOptions, RateLimit } from './backoff.ts'
import type { ObjectCache } from './cache.ts'
import { FailureLog, isFenced } from './failures.ts'
import type { ControllerMetrics, EngineMetrics, ReconcileResult } from './metrics.ts'
import type { Outcome, Reconciler } from './reconciler.ts'
import { type Running, TimeLimits } from './timelimit.ts'
import { Turn } from './turn.ts'
import { type Work, WorkQueue } from './workqueue.ts'

/** Changes of one kind, and the keys that each concerns. */
export interface Watch<Key = ObjectRef> {
  readonly kind: string
  /** On deletion `object` is what was there last. `old` is there where an object changed. Must not throw or wait. */
  toKeys(object: AnyResource, old?: AnyResource): readonly NoInfer<Key>[]
}

export interface ControllerSpec<Key = ObjectRef> {
  /** `service`, in logs and metrics. */
  readonly name: string
  /** All that it reads from the cache must be watched; what shall not wake it has a `toKeys` that gives no key. */
  readonly watches: readonly Watch<Key>[]
  readonly reconciler: Reconciler<Key>
  /** What tells keys apart. May be left out for keys that are ObjectRefs or text. */
  readonly keyText?: (key: Key) => string
  /** Reconciles at a time; 4 if left out. */
  readonly concurrency?: number
  /** After so long a reconcile's signal aborts; 60 s if left out. */
  readonly timeoutMs?: number
  /** Every so often all keys of all that is watched are looked at again. Never, if left out. */
  readonly resyncMs?: number
  readonly backoff?: BackoffOptions
  readonly rateLimit?: RateLimit
}

export interface ControllerOptions {
  readonly cache: ObjectCache
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: EngineMetrics
  readonly random: () => number
  /** Called when going on is pointless: the lease is another's. */
  readonly onFatal: (error: NsctlError) => void
}

const DEFAULT_CONCURRENCY = 4
const DEFAULT_TIMEOUT_MS = 60_000

/** `Service/default/web`, the text form of a key that is an ObjectRef. */
export function refKey(ref: ObjectRef): string {
  return `${ref.kind}/${ref.namespace ?? ''}/${ref.name}`
}

/** The key of the object itself, for the `toKeys` of a controller's own kind. */
export function ownKey(object: AnyResource): readonly ObjectRef[] {
  return [refOfObject(object)]
}

function defaultKeyText(key: unknown): string {
  if (typeof key === 'string') return key
  const ref = key as Partial<ObjectRef>
  if (typeof ref.kind === 'string' && typeof ref.name === 'string') return refKey(ref as ObjectRef)
  throw new NsctlError('Bug', 'the keys of this controller need a keyText', { value: key })
}

/** Runs one spec's reconciler over the keys that changes, `enqueue` and its own outcomes bring. */
export class Controller<Key = ObjectRef> {
  readonly name: string
  readonly #spec: ControllerSpec<Key>
  readonly #options: ControllerOptions
  readonly #queue: WorkQueue<Key>
  readonly #metrics: ControllerMetrics
  readonly #failures: FailureLog
  readonly #limits: TimeLimits<Key>
  readonly #turn: Turn
  readonly #concurrency: number
  /** Reconciles that hold one of the `concurrency` places; one that ignores its time limit has lost its place. */
  #active = 0
  #pumping = false
  #started = false
  #stopping = false
  #cancelResync: (() => void) | undefined

  constructor(spec: ControllerSpec<Key>, options: ControllerOptions) {
    const { clock, random, metrics, logger } = options
    this.name = spec.name
    this.#spec = spec
    this.#options = { ...options, logger: logger.with({ controller: spec.name }) }
    this.#concurrency = spec.concurrency ?? DEFAULT_CONCURRENCY
    this.#queue = new WorkQueue<Key>({
      clock,
      random,
      keyText: spec.keyText ?? defaultKeyText,
      onReady: () => this.#pumpSoon(),
      metrics: (probe) => metrics.queue(spec.name, probe),
      ...(spec.backoff && { backoff: spec.backoff }),
      ...(spec.rateLimit && { rateLimit: spec.rateLimit }),
    })
    this.#metrics = metrics.controller(spec.name, {
      maxConcurrent: this.#concurrency,
      active: () => this.#active,
    })
    this.#failures = new FailureLog(this.#options.logger)
    this.#limits = new TimeLimits<Key>({
      clock,
      logger: this.#options.logger,
      timeoutMs: spec.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      onIgnored: () => this.#giveUpPlace(),
    })
    this.#turn = new Turn(clock, () => this.#pump())
  }

  /** Has `key` reconciled: for what wakes a controller besides the store. */
  enqueue(key: Key): void {
    this.#queue.add(key)
  }

  /** Subscribes to the cache. Keys pile up until `start`. Returns the function that unsubscribes. */
  subscribe(): () => void {
    const unsubscribes = this.#spec.watches.map((watch) =>
      this.#options.cache.onChange(watch.kind, (change) => {
        const keys =
          change.kind === 'put' ? watch.toKeys(change.object, change.old) : watch.toKeys(change.old)
        for (const key of keys) this.#queue.add(key)
      }),
    )
    return () => {
      for (const unsubscribe of unsubscribes) unsubscribe()
    }
  }

  /** Resolves once all keys that have piled up were reconciled; never, where it is stopped before. */
  start(): Promise<void> {
    this.#started = true
    this.#scheduleResync()
    const caughtUp = this.#queue.pass()
    this.#pump()
    return caughtUp
  }

  /** Takes no more keys and aborts what runs. Resolves when nothing runs any more. */
  stop(reason: unknown): Promise<void> {
    this.#stopping = true
    this.#cancelResync?.()
    const drained = this.#queue.shutDown()
    this.#limits.abortAll(reason)
    return drained.finally(() => this.#limits.close())
  }

  /** The keys in processing, as text. */
  running(): readonly string[] {
    return this.#limits.running()
  }

  /** In a task of its own: whoever adds keys is not to be interrupted by what they lead to. */
  #pumpSoon(): void {
    if (this.#pumping || !this.#started) return
    this.#pumping = true
    queueMicrotask(() => {
      this.#pumping = false
      this.#pump()
    })
  }

  #pump(): void {
    if (!this.#started) return
    while (this.#active < this.#concurrency && this.#queue.depth > 0) {
      if (this.#turn.isOver()) return
      const work = this.#queue.take()
      if (work === undefined) return
      this.#reconcile(work)
    }
  }

  #reconcile(work: Work<Key>): void {
    this.#active++
    // this reconcile sees everything, so it alone decides when to look again
    this.#queue.supersedeDelay(work)
    const running = this.#limits.begin(work)
    let result: Promise<Outcome>
    try {
      result = this.#spec.reconciler.reconcile(work.key, running.signal)
    } catch (error) {
      result = Promise.reject(error)
    }
    result.then(
      (outcome) => this.#end(running, this.#succeeded(work, outcome)),
      (error) => this.#end(running, this.#failed(work, error)),
    )
  }

  #end(running: Running<Key>, result: ReconcileResult): void {
    this.#metrics.reconciled(result, this.#options.clock.monotonic() - running.startedAtMs)
    this.#limits.end(running)
    if (!running.ignored) this.#active--
    this.#queue.done(running.work)
    this.#pump()
  }

  #succeeded(work: Work<Key>, outcome: Outcome): ReconcileResult {
    this.#failures.success()
    if (work.failures > 0) this.#queue.forget(work.key)
    if (outcome.kind === 'settled') return 'success'
    const { afterMs, reason } = outcome
    this.#queue.addAfter(work.key, afterMs)
    this.#options.logger.log('debug', `looks again later: ${reason}`, { key: work.text, afterMs })
    return 'requeue_after'
  }

  #failed(work: Work<Key>, error: unknown): ReconcileResult {
    if (isFenced(error)) {
      this.#started = false
      this.#options.onFatal(error)
      return 'error'
    }
    // to throw the reason is how a reconcile ends that was told to stop
    if (this.#stopping) return 'error'
    const retryInMs = this.#queue.addRateLimited(work.key)
    return this.#failures.failure(error, { key: work.text, failures: work.failures, retryInMs })
  }

  /** A reconcile that does not end must not keep others from running; its key stays in processing. */
  #giveUpPlace(): void {
    this.#active--
    this.#pump()
  }

  #scheduleResync(): void {
    const { resyncMs } = this.#spec
    if (resyncMs === undefined) return
    this.#cancelResync = this.#options.clock.schedule(resyncMs, () => {
      for (const watch of this.#spec.watches) {
        for (const object of this.#options.cache.list(watch.kind)) {
          for (const key of watch.toKeys(object)) this.#queue.add(key)
        }
      }
      this.#scheduleResync()
    })
  }
}
