/** Starts informers and controllers in the right order, and ends them together. */
import type { WatchScope } from '../api/api.ts'
import { type Clock, delay } from '../core/clock.ts'
import { messageOf, NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { AnyResource, ObjectRef } from '../resources/object.ts'
import type { ObjectCache } from './cache.ts'
import { Controller, type ControllerSpec } from './controller.ts'
import { Informers, type WatchableReader } from './informer.ts'
import { type EngineMetrics, noMetrics } from './metrics.ts'

export interface ManagerOptions {
  readonly api: WatchableReader
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics?: EngineMetrics
  /** Uniform in [0, 1), for jitter. Math.random if left out. */
  readonly random?: () => number
  /** Narrows all that the manager's controllers see, to a node for its agent. */
  readonly scope?: WatchScope
  /** What the cache keeps of an object; all of it if left out. For what is large and no controller reads. */
  readonly slim?: (object: AnyResource) => AnyResource
  /** How long running reconciles and runnables may take to end when the manager stops; 10 s if left out. */
  readonly stopTimeoutMs?: number
}

/** Something that runs beside the controllers: a server, a sweep. */
export interface Runnable {
  readonly name: string
  /** Runs until `signal` aborts. If it rejects before, the manager stops and rejects with that. */
  run(signal: AbortSignal): Promise<void>
}

/** How to wake a controller with something that is not in the store. */
export interface ControllerHandle<Key> {
  /** Has `key` reconciled. May be called at any time, also before and after `run`. */
  enqueue(key: Key): void
}

export interface Manager {
  /** What the store holds of all kinds that a controller of this manager watches. */
  readonly cache: ObjectCache
  /**
   * Resolves once `run` has had all that was there at its start reconciled, or tried to in vain for a while. Never, where it
   * is stopped before.
   */
  readonly caughtUp: Promise<void>
  /** Before `run`. */
  add<Key = ObjectRef>(spec: ControllerSpec<Key>): ControllerHandle<Key>
  /** Before `run`. Started when the cache is in sync. */
  addRunnable(runnable: Runnable): void
  /**
   * Syncs the cache, then runs everything until `signal` aborts, then stops: no more keys are taken, what runs is aborted and
   * waited for. Rejects with code Fenced where another leads now, with a runnable's error where one failed, and with code
   * Timeout where something went on beyond `stopTimeoutMs`.
   */
  run(signal: AbortSignal): Promise<void>
}

const DEFAULT_STOP_TIMEOUT_MS = 10_000

/** A manager with nothing in it yet. */
export function createManager(options: ManagerOptions): Manager {
  return new RunningManager(options)
}

/** What a manager asks of a controller, whatever its keys are. */
type AnyController = Pick<Controller, 'name' | 'subscribe' | 'start' | 'stop' | 'running'>

class RunningManager implements Manager {
  readonly #options: ManagerOptions
  readonly #informers: Informers
  readonly #controllers: AnyController[] = []
  readonly #runnables: Runnable[] = []
  readonly #stop = new AbortController()
  readonly #caughtUp = Promise.withResolvers<void>()
  #fatal: { readonly error: unknown } | undefined
  #ran = false

  constructor(options: ManagerOptions) {
    const { api, clock, logger, random = Math.random, scope, slim } = options
    this.#options = options
    const narrowed = { ...(scope && { scope }), ...(slim && { slim }) }
    this.#informers = new Informers({ reader: api, clock, logger, random, ...narrowed })
  }

  get cache(): ObjectCache {
    return this.#informers.cache
  }

  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise
  }

  add<Key = ObjectRef>(spec: ControllerSpec<Key>): ControllerHandle<Key> {
    this.#assertNotRun()
    const { clock, logger, metrics = noMetrics, random = Math.random } = this.#options
    for (const { kind } of spec.watches) this.#informers.addKind(kind)
    const onFatal = (error: NsctlError) => this.#end(error)
    const cache = this.#informers.cache
    const controller = new Controller<Key>(spec, { cache, clock, logger, metrics, random, onFatal })
    this.#controllers.push(controller)
    return { enqueue: (key) => controller.enqueue(key) }
  }

  addRunnable(runnable: Runnable): void {
    this.#assertNotRun()
    this.#runnables.push(runnable)
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#assertNotRun()
    this.#ran = true
    const stop = this.#stop
    const onAbort = () => stop.abort(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    const stopped = new Promise<void>((resolve) => {
      if (stop.signal.aborted) resolve()
      stop.signal.addEventListener('abort', () => resolve(), { once: true })
    })
    const unsubscribes = this.#controllers.map((controller) => controller.subscribe())
    const informing = this.#informers.run(stop.signal)
    await Promise.race([this.#informers.cache.synced, stopped])
    const running = stop.signal.aborted ? [] : this.#start()
    await stopped
    signal.removeEventListener('abort', onAbort)
    for (const unsubscribe of unsubscribes) unsubscribe()
    const stops = this.#controllers.map((controller) => controller.stop(stop.signal.reason))
    await this.#waitFor(Promise.all([...stops, ...running.map((one) => one.ended), informing]), running)
    if (this.#fatal !== undefined) throw this.#fatal.error
  }

  #start(): readonly RunningRunnable[] {
    const passes = this.#controllers.map((controller) => controller.start())
    void Promise.all(passes).then(() => this.#caughtUp.resolve())
    return this.#runnables.map((runnable) => {
      const running: RunningRunnable = { name: runnable.name, done: false, ended: Promise.resolve() }
      running.ended = this.#runOne(runnable).finally(() => {
        running.done = true
      })
      return running
    })
  }

  async #runOne(runnable: Runnable): Promise<void> {
    try {
      await runnable.run(this.#stop.signal)
    } catch (error) {
      // once it was told to stop, throwing the reason is one way of stopping; #end takes no notice of it
      this.#end(error)
    }
  }

  #end(error: unknown): void {
    if (this.#stop.signal.aborted) return
    this.#fatal = { error }
    this.#options.logger.log('error', `stopping: ${messageOf(error)}`, { error })
    this.#stop.abort(error)
  }

  async #waitFor(everything: Promise<unknown>, runnables: readonly RunningRunnable[]): Promise<void> {
    const { clock, stopTimeoutMs = DEFAULT_STOP_TIMEOUT_MS } = this.#options
    const patience = new AbortController()
    const tooLong = delay(clock, stopTimeoutMs, patience.signal).then(
      () => true,
      () => false,
    )
    const late = await Promise.race([everything.then(() => false), tooLong])
    patience.abort()
    if (!late) return
    const stuck = this.#controllers.flatMap((one) => one.running().map((key) => `${one.name} ${key}`))
    const names = [...stuck, ...runnables.filter((one) => !one.done).map((one) => one.name)]
    throw new NsctlError(
      'Timeout',
      `still running ${stopTimeoutMs} ms after it was told to stop: ${names.join(', ')}`,
      {
        value: names,
        ...(this.#fatal && { cause: this.#fatal.error }),
      },
    )
  }

  #assertNotRun(): void {
    if (this.#ran) throw new NsctlError('Bug', 'a manager runs once, and everything is added to it before')
  }
}

interface RunningRunnable {
  readonly name: string
  done: boolean
  ended: Promise<void>
}
