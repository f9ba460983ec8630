/**
 * Makes a catalog hold this node's ready instances, and nothing else of this node's. Each pass reads what is registered and
 * does what is missing, so that whatever was lost, forgotten or changed by hand on either side is put right by the next. What
 * goes wrong with the catalog keeps nothing from starting or ending: it is said in the instance's Registered condition.
 */
import { type Clock, delay } from '../../core/clock.ts'
import { deepEqual } from '../../core/json.ts'
import type { Logger } from '../../core/logger.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { ControllerSpec } from '../../engine/controller.ts'
import { type Outcome, recheck } from '../../engine/reconciler.ts'
import type { ConditionInput } from '../../resources/conditions.ts'
import type { Instance, InstanceStatus } from '../../resources/generated/types.ts'
import { type AnyResource, type ObjectRef, refOfObject } from '../../resources/object.ts'
import { type Catalog, CatalogError, type RegisteredEntry } from '../../traffic/catalog.ts'
import { planCatalog } from '../../traffic/catalog-plan.ts'
import { entryIds, isAnnounced } from '../../traffic/entries.ts'
import { LOOK_AGAIN_MS, Registrations } from '../../traffic/registrations.ts'
import { Ahead } from './ahead.ts'
import { entriesOf } from './entries.ts'
import { type Listens, listens, reachedAt } from './reach.ts'
import { type Candidate, Verdicts } from './verdicts.ts'

export interface AnnouncerOptions {
  readonly node: string
  readonly cache: Pick<ObjectCache, 'get' | 'list'>
  readonly catalog: Catalog
  /** Where the node's instances are reached, by preference. */
  readonly addresses: readonly string[]
  readonly clock: Clock
  readonly logger: Logger
  readonly isListening?: Listens
}

export interface AnnouncerHooks {
  /** Resolves once the agent has looked at all its instances: what is stored may be older than the last boot. */
  readonly caughtUp: Promise<void>
  readonly enqueuePass: () => void
  /** Wakes the Instance controller: what is to be said of the instance has changed. */
  readonly enqueueInstance: (ref: ObjectRef) => void
}

/** There is one key: a pass is over all of the node. */
export const PASS = 'pass'
/** After a refusal, which somebody has to do something about. */
const REFUSED_RECHECK_MS = 15_000
/** An instance waits for so long at most before it is ended. */
const WITHDRAW_LIMIT_MS = 1_000
/** And for so long before it is said to be ready. */
const WELCOME_LIMIT_MS = 250

export class Announcer {
  readonly spec: ControllerSpec<string>
  readonly #options: AnnouncerOptions
  readonly #registrations: Registrations
  readonly #verdicts: Verdicts
  /** Instances that are about to be ended, by uid, and since when each had been ready. */
  readonly #withdrawn = new Map<string, string | undefined>()
  /** Where each was found to listen, by uid. */
  readonly #addresses = new Map<string, string>()
  readonly #ahead = new Ahead()
  #isAway = false
  #started = false
  #enqueueInstance: (ref: ObjectRef) => void = () => {}
  #enqueuePass: () => void = () => {}
  /** Told when the next pass that begins is over. */
  #waiting: (() => void)[] = []

  constructor(options: AnnouncerOptions) {
    this.#options = options
    this.#registrations = new Registrations(options.catalog, options.clock)
    this.#verdicts = new Verdicts(options.catalog, options.logger)
    this.spec = {
      name: 'catalog',
      watches: [{ kind: 'Instance', toKeys: (object, old) => this.#keysFor(object, old) }],
      reconciler: { reconcile: (_, signal) => this.#pass(signal) },
      backoff: { baseMs: 200, maxMs: LOOK_AGAIN_MS },
    }
  }

  /** Begins with the passes. What is registered stays when `signal` aborts: what runs goes on. */
  async run(hooks: AnnouncerHooks, signal: AbortSignal): Promise<void> {
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    await Promise.race([hooks.caughtUp, stopped])
    if (signal.aborted) return
    this.#enqueueInstance = hooks.enqueueInstance
    this.#enqueuePass = hooks.enqueuePass
    this.#started = true
    hooks.enqueuePass()
    await stopped
  }

  /**
   * Puts the instance in that is about to be said to be ready, so that what became of it is said with that. Waits for the catalog for a
   * quarter of a second at most, and not at all while it does not answer: the next passes see to it. Never rejects.
   */
  async welcome(instance: Instance, status: InstanceStatus): Promise<void> {
    this.#ahead.set(instance, status)
    if (!this.#started || this.#isAway || !this.#isWanted(this.#ahead.of(instance))) return
    const limit = new AbortController()
    const tooLong = delay(this.#options.clock, WELCOME_LIMIT_MS, limit.signal).catch(() => {})
    await Promise.race([this.#nextPass(), tooLong])
    limit.abort()
  }

  /** It is not ready, whatever was said of it. */
  retract(instance: Instance): void {
    this.#ahead.drop(instance)
  }

  /**
   * Takes the instance out before its programs are told to end, and until it has become ready anew; those that take its
   * place are put in before. Waits for the catalog for a second at most, and not at all while it does not answer. Never
   * rejects.
   */
  async withdraw(instance: Instance): Promise<void> {
    this.#withdrawn.set(instance.metadata.uid ?? '', this.#ahead.of(instance).status?.readySince)
    const ids = entryIds(instance).filter((id) => this.#registrations.mayHave(id))
    if (ids.length === 0) return
    const limit = new AbortController()
    const over = new Promise<void>((resolve) => {
      const cancel = this.#options.clock.schedule(WITHDRAW_LIMIT_MS, () => {
        this.#isAway = true
        limit.abort(new Error(`${this.#options.catalog.name} does not answer`))
        resolve()
      })
      void this.#takeOut(instance, ids, limit.signal).then(cancel).then(resolve)
    })
    if (!this.#isAway) await over
  }

  /** What fails the pass tells, and tries again. */
  async #takeOut(instance: Instance, ids: readonly string[], signal: AbortSignal): Promise<void> {
    if (this.#lacksPeersOf(instance)) await this.#nextPass()
    await Promise.allSettled(ids.map((id) => this.#registrations.deregister(id, signal)))
  }

  /** Whether others of its service are ready that are not told of yet. */
  #lacksPeersOf({ metadata, spec }: Instance): boolean {
    if (!this.#started) return false
    const { namespace } = metadata
    const scope = namespace === undefined ? {} : { namespace }
    return this.#instances(scope)
      .filter((one) => one.spec.service === spec.service && this.#isWanted(one))
      .some((one) => !entryIds(one).every((id) => this.#registrations.has(id)))
  }

  /** Resolves once a pass is over that began after this. */
  #nextPass(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#enqueuePass()
    })
  }

  /** What is to be said of the instance. */
  conditionOf(instance: Instance, ready: boolean, before: Instance['status']): ConditionInput {
    return this.#verdicts.conditionOf(instance.metadata.uid ?? '', ready, before?.conditions)
  }

  #keysFor(object: AnyResource, old: AnyResource | undefined): readonly string[] {
    if (!this.#started) return []
    // most changes are of figures that no catalog shows
    const isSame = old !== undefined && old !== object && deepEqual(gist(old), gist(object))
    return isSame ? [] : [PASS]
  }

  async #pass(signal: AbortSignal): Promise<Outcome> {
    const waiting = this.#waiting
    this.#waiting = []
    try {
      const registered = await this.#registrations.look(signal)
      const candidates = await this.#candidates(signal)
      const wanted = candidates.flatMap(({ entries }) => entries)
      const owners = new Map(
        candidates.flatMap(({ ref, entries }) => entries.map(({ id }) => [id, ref] as const)),
      )
      const failures = await this.#registrations.carryOut(
        planCatalog(wanted, registered),
        (id) => this.#isStillWanted(owners.get(id)),
        signal,
      )
      const away = [...failures.values()].find((error) => !isRefusal(error))
      if (away !== undefined) throw away
      this.#isAway = false
      return this.#judge(candidates, registered, failures)
    } catch (error) {
      signal.throwIfAborted()
      this.#isAway = true
      const news = error instanceof CatalogError ? this.#verdicts.fail(this.#announced(), error) : []
      // where the catalog is away the store may be as well: it is said with whatever is written next
      if (!isRefusal(error)) throw error
      for (const ref of news) this.#enqueueInstance(ref)
      return recheck(REFUSED_RECHECK_MS, 'the catalog refuses everything')
    } finally {
      for (const resolve of waiting) resolve()
    }
  }

  /** What should be registered. Whoever was withdrawn meanwhile is left out at its turn. */
  async #candidates(signal: AbortSignal): Promise<readonly Candidate[]> {
    const uids = new Set(this.#instances().map(({ metadata }) => metadata.uid ?? ''))
    this.#ahead.keep(uids)
    for (const map of [this.#withdrawn, this.#addresses])
      for (const uid of map.keys()) if (!uids.has(uid)) map.delete(uid)
    return await Promise.all(
      this.#announced().map(async ({ uid, ref, instance }) => ({
        uid,
        ref,
        entries: entriesOf(instance, await this.#addressOf(instance, signal)),
      })),
    )
  }

  /** What is to be told of. */
  #announced() {
    const wanted = this.#instances().filter((one) => this.#isWanted(one))
    return wanted.map((instance) => {
      const ref = refOfObject(instance as unknown as AnyResource)
      return { uid: instance.metadata.uid ?? '', ref, instance }
    })
  }

  /** As they are, and as this node is about to say that they are. */
  #instances(scope: { readonly namespace?: string } = {}): readonly Instance[] {
    return this.#options.cache.list<Instance>('Instance', scope).map((one) => this.#ahead.of(one))
  }

  #isWanted(instance: Instance): boolean {
    if (instance.spec.node !== this.#options.node || !isAnnounced(instance)) return false
    const uid = instance.metadata.uid ?? ''
    return !this.#withdrawn.has(uid) || this.#withdrawn.get(uid) !== instance.status?.readySince
  }

  async #addressOf(instance: Instance, signal: AbortSignal): Promise<string> {
    const { addresses, isListening = listens } = this.#options
    const uid = instance.metadata.uid ?? ''
    const known = this.#addresses.get(uid)
    if (known !== undefined) return known
    const found = await reachedAt(instance, addresses, isListening, signal)
    if (found !== undefined) this.#addresses.set(uid, found)
    return found ?? addresses[0] ?? '127.0.0.1'
  }

  /** Its end may have been asked for since the pass began. */
  #isStillWanted(ref: ObjectRef | undefined): boolean {
    const instance = ref && this.#options.cache.get<Instance>(ref)
    return instance !== undefined && this.#isWanted(this.#ahead.of(instance))
  }

  #judge(
    candidates: readonly Candidate[],
    registered: readonly RegisteredEntry[],
    failures: ReadonlyMap<string, unknown>,
  ): Outcome {
    for (const ref of this.#verdicts.judge(candidates, registered, failures)) this.#enqueueInstance(ref)
    return failures.size > 0
      ? recheck(REFUSED_RECHECK_MS, 'the catalog refused something')
      : recheck(this.#registrations.lookInMs, 'what the catalog forgets nobody tells')
  }
}

/** All that decides what is registered. */
function gist(object: AnyResource): unknown {
  const instance = object as unknown as Instance
  return isAnnounced(instance) ? [entriesOf(instance, ''), instance.status?.readySince] : undefined
}

function isRefusal(error: unknown): boolean {
  return error instanceof CatalogError && error.reason !== 'Unreachable'
}
