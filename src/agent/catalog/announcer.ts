/**
 * Makes a catalog hold this node's ready instances, and nothing else of this node's. Each pass reads what is registered and does what
 * is missing, so that whatever was lost, forgotten or changed by hand on either side is put right by the next. What goes wrong with
 * the catalog stops and delays no instance: it is said in the instance's Registered condition.
 */
import type { Clock } from '../../core/clock.ts'
import { deepEqual } from '../../core/json.ts'
import type { Logger } from '../../core/logger.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { ControllerSpec } from '../../engine/controller.ts'
import { type Outcome, recheck } from '../../engine/reconciler.ts'
import type { ConditionInput } from '../../resources/conditions.ts'
import type { Instance } from '../../resources/generated/types.ts'
import { type AnyResource, type ObjectRef, refOfObject } from '../../resources/object.ts'
import { type Catalog, CatalogError, type RegisteredEntry } from '../../traffic/catalog.ts'
import { entriesOf, entryIds, isAnnounced } from './entries.ts'
import { type CatalogAction, planCatalog } from './plan.ts'
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
/** What the catalog forgets, and checks of its own that begin to fail, nobody tells. */
const LOOK_AGAIN_MS = 5_000
/** After a refusal, which somebody has to do something about. */
const REFUSED_RECHECK_MS = 15_000
/** An instance waits for so long at most before it is ended. */
const WITHDRAW_LIMIT_MS = 1_000
const AT_A_TIME = 8

export class Announcer {
  readonly spec: ControllerSpec<string>
  readonly #options: AnnouncerOptions
  readonly #verdicts: Verdicts
  /** Instances that are about to be ended, by uid, and since when each had been ready. */
  readonly #withdrawn = new Map<string, string | undefined>()
  /** Where each was found to listen, by uid. */
  readonly #addresses = new Map<string, string>()
  /** What of ours is registered as far as we know; undefined before the first pass. */
  #known: Set<string> | undefined
  /** The last of what is under way or was, by the entry's id. */
  readonly #turns = new Map<string, Promise<unknown>>()
  #isAway = false
  #started = false
  #enqueueInstance: (ref: ObjectRef) => void = () => {}

  constructor(options: AnnouncerOptions) {
    this.#options = options
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
    this.#started = true
    hooks.enqueuePass()
    await stopped
  }

  /**
   * Takes the instance out before its programs are told to end, and until it has become ready anew. Waits for the catalog for a second at
   * most, and not at all while it does not answer. Never rejects.
   */
  async withdraw(instance: Instance): Promise<void> {
    this.#withdrawn.set(instance.metadata.uid ?? '', instance.status?.readySince)
    const ids = entryIds(instance).filter((id) => this.#known?.has(id) ?? true)
    if (ids.length === 0) return
    const limit = new AbortController()
    // what fails the pass tells, and tries again
    const work = Promise.allSettled(ids.map((id) => this.#deregister(id, limit.signal)))
    const over = new Promise<void>((resolve) => {
      const cancel = this.#options.clock.schedule(WITHDRAW_LIMIT_MS, () => {
        this.#isAway = true
        limit.abort(new Error(`${this.#options.catalog.name} does not answer`))
        resolve()
      })
      void work.then(cancel).then(resolve)
    })
    if (!this.#isAway) await over
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
    try {
      const registered = await this.#options.catalog.list(signal)
      this.#known = new Set(registered.map(({ id }) => id))
      const candidates = await this.#candidates(signal)
      const wanted = candidates.flatMap(({ entries }) => entries)
      const owners = new Map(
        candidates.flatMap(({ ref, entries }) => entries.map(({ id }) => [id, ref] as const)),
      )
      const failures = await this.#carryOut(planCatalog(wanted, registered), owners, signal)
      const away = [...failures.values()].find((error) => !isRefusal(error))
      if (away !== undefined) throw away
      this.#isAway = false
      return this.#judge(candidates, registered, failures)
    } catch (error) {
      signal.throwIfAborted()
      this.#isAway = true
      if (error instanceof CatalogError) this.#sayAll(error)
      throw error
    }
  }

  /** What should be registered. Whoever was withdrawn meanwhile is left out at its turn. */
  async #candidates(signal: AbortSignal): Promise<readonly Candidate[]> {
    const instances = this.#options.cache.list<Instance>('Instance')
    const uids = new Set(instances.map(({ metadata }) => metadata.uid ?? ''))
    for (const map of [this.#withdrawn, this.#addresses])
      for (const uid of map.keys()) if (!uids.has(uid)) map.delete(uid)
    const announced = instances.filter((one) => this.#isWanted(one))
    return await Promise.all(
      announced.map(async (instance) => ({
        uid: instance.metadata.uid ?? '',
        ref: refOfObject(instance as unknown as AnyResource),
        entries: entriesOf(instance, await this.#addressOf(instance, signal)),
      })),
    )
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

  /** Carries out what it can. Returns what failed, by the entry's id. */
  async #carryOut(
    actions: readonly CatalogAction[],
    owners: ReadonlyMap<string, ObjectRef>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, unknown>> {
    const failures = new Map<string, unknown>()
    for (let at = 0; at < actions.length; at += AT_A_TIME) {
      const some = actions.slice(at, at + AT_A_TIME)
      const results = await Promise.allSettled(some.map((action) => this.#do(action, owners, signal)))
      signal.throwIfAborted()
      for (const [index, result] of results.entries()) {
        const action = some[index]
        if (result.status === 'fulfilled' || action === undefined) continue
        failures.set(action.kind === 'register' ? action.entry.id : action.id, result.reason)
      }
    }
    return failures
  }

  async #do(
    action: CatalogAction,
    owners: ReadonlyMap<string, ObjectRef>,
    signal: AbortSignal,
  ): Promise<void> {
    const { catalog } = this.#options
    if (action.kind === 'deregister') return await this.#deregister(action.id, signal)
    if (action.kind === 'renew') return await this.#inTurn(action.id, () => catalog.renew(action.id, signal))
    const { entry } = action
    await this.#inTurn(entry.id, async () => {
      if (!this.#isStillWanted(owners.get(entry.id))) return
      await catalog.register(entry, signal)
      this.#known?.add(entry.id)
    })
  }

  /** Its end may have been asked for since the pass began. */
  #isStillWanted(ref: ObjectRef | undefined): boolean {
    const instance = ref && this.#options.cache.get<Instance>(ref)
    return instance !== undefined && this.#isWanted(instance)
  }

  #deregister(id: string, signal: AbortSignal): Promise<void> {
    return this.#inTurn(id, async () => {
      await this.#options.catalog.deregister(id, signal)
      this.#known?.delete(id)
    })
  }

  /** One after the other for each entry: what was registered late would stay. */
  async #inTurn(id: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(work)
    const over = turn.catch(() => {})
    this.#turns.set(id, over)
    try {
      await turn
    } finally {
      if (this.#turns.get(id) === over) this.#turns.delete(id)
    }
  }

  #judge(
    candidates: readonly Candidate[],
    registered: readonly RegisteredEntry[],
    failures: ReadonlyMap<string, unknown>,
  ): Outcome {
    for (const ref of this.#verdicts.judge(candidates, registered, failures)) this.#enqueueInstance(ref)
    return failures.size > 0
      ? recheck(REFUSED_RECHECK_MS, 'the catalog refused something')
      : recheck(LOOK_AGAIN_MS, 'what the catalog forgets nobody tells')
  }

  /** Wakes nobody: where the catalog is away the store may be as well. It is said with whatever is written next. */
  #sayAll(error: CatalogError): void {
    const announced = this.#options.cache.list<Instance>('Instance').filter((one) => this.#isWanted(one))
    this.#verdicts.fail(
      announced.map(({ metadata }) => metadata.uid ?? ''),
      error,
    )
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
