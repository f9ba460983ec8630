/**
 * Makes a directory hold the ready instances of nodes that joined, which cannot register them themselves. One pass is over all such nodes: it reads
 * what is registered and does what is missing, as an agent does for its own node. An instance is marked before it is registered, so that its agent does
 * not end it before it was taken out (see `withdraw`, which the Exposure controller calls before it lets an instance end); what the directory
 * does wrong keeps it for WITHDRAW_LIMIT_MS, and its agent waits for DRAIN_TIMEOUT at most.
 */
import type { ResourceController } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { ControllerSpec } from '../../engine/controller.ts'
import { type Outcome, recheck } from '../../engine/reconciler.ts'
import type { Instance, Node } from '../../resources/generated/types.ts'
import { type AnyResource, refOfObject } from '../../resources/object.ts'
import { CatalogError } from '../../traffic/catalog.ts'
import { type CatalogAction, planCatalog } from '../../traffic/catalog-plan.ts'
import type { Directory } from '../../traffic/directory.ts'
import { entryIds, factsOf, isAnnounced } from '../../traffic/entries.ts'
import { LOOK_AGAIN_MS, Registrations } from '../../traffic/registrations.ts'
import { entriesOf, instanceGist, isRegistered, isSame, nodeGist } from './registered.ts'

export interface DirectoryControllerOptions {
  readonly cache: Pick<ObjectCache, 'get' | 'list'>
  readonly api: Pick<ResourceController, 'updateOwned'>
  readonly directory: Directory
  readonly clock: Clock
  readonly logger: Logger
}

export const PASS = 'pass'
/** After a refusal, which somebody has to do something about. */
const REFUSED_RECHECK_MS = 15_000
/** An instance waits for so long at most before it is let end. */
const WITHDRAW_LIMIT_MS = 1_000
/** For an agent whose control plane is away, and for what had just been told of it. */
const DRAIN_TIMEOUT = '3s'

interface NodePlan {
  readonly part: Registrations
  /** Whose each entry is. */
  readonly owners: ReadonlyMap<string, Instance>
  readonly actions: readonly CatalogAction[]
}

export class DirectoryKeeper {
  readonly spec: ControllerSpec<string>
  readonly #options: DirectoryControllerOptions
  /** Nodes that the directory has something of, as it said when it was asked last. */
  #held = new Set<string>()
  /** When it is to be asked again. Monotonic. */
  #lookMs = 0
  /** By node. */
  readonly #parts = new Map<string, Registrations>()
  #logged = ''
  #hasPassed = false
  #enqueuePass: () => void = () => {}
  /** Told when the next pass that begins is over. */
  #waiting: (() => void)[] = []

  constructor(options: DirectoryControllerOptions) {
    this.#options = options
    this.spec = {
      name: 'directory',
      watches: [
        { kind: 'Instance', toKeys: (now, old) => this.#keysFor(now, old) },
        { kind: 'Node', toKeys: (now, old) => (isSame(now, old, nodeGist) ? [] : [PASS]) },
      ],
      reconciler: { reconcile: (_, signal) => this.#pass(signal) },
      backoff: { baseMs: 200, maxMs: LOOK_AGAIN_MS },
    }
  }

  /** @param enqueuePass wakes the controller */
  begin(enqueuePass: () => void): void {
    this.#enqueuePass = enqueuePass
    enqueuePass()
  }

  /**
   * Takes the instance out, where it is in; it is ending, so no pass puts it back. Those that take its place are put in before. Waits for a
   * second at most. Never rejects.
   */
  async withdraw(instance: Instance): Promise<void> {
    if (!this.#isOfPart(instance)) return
    const limit = new AbortController()
    const over = Promise.withResolvers<void>()
    const cancel = this.#options.clock.schedule(WITHDRAW_LIMIT_MS, () => {
      limit.abort(new Error('the directory does not answer'))
      over.resolve()
    })
    await Promise.race([this.#takeOut(instance, limit.signal), over.promise])
    cancel()
  }

  /** What an earlier leader registered is not known before the first pass. */
  async #takeOut(instance: Instance, signal: AbortSignal): Promise<void> {
    if (!this.#hasPassed || this.#lacksPeersOf(instance)) await this.#nextPass()
    const part = this.#parts.get(instance.spec.node)
    const ids = part === undefined ? [] : entryIds(instance).filter((id) => part.mayHave(id))
    await Promise.allSettled(ids.map((id) => part?.deregister(id, signal)))
  }

  /** Whether others of its service are ready that are not told of yet. */
  #lacksPeersOf({ metadata: { namespace }, spec }: Instance): boolean {
    const scope = namespace === undefined ? {} : { namespace }
    return this.#options.cache
      .list<Instance>('Instance', scope)
      .filter((one) => one.spec.service === spec.service && isAnnounced(one) && this.#isOfPart(one))
      .some((one) => factsOf(one, '').some(({ id }) => this.#parts.get(one.spec.node)?.has(id) !== true))
  }

  /** A node that becomes one of ours wakes by itself. */
  #keysFor(now: AnyResource, old: AnyResource | undefined): readonly string[] {
    const isOurs = this.#isOfPart(now as unknown as Instance)
    return isOurs && !isSame(now, old, instanceGist) ? [PASS] : []
  }

  #isOfPart({ spec }: Instance): boolean {
    const node = this.#options.cache.get<Node>({ kind: 'Node', name: spec.node })
    return node !== undefined && isRegistered(node)
  }

  /** Resolves once a pass is over that began after this. */
  #nextPass(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#enqueuePass()
    })
  }

  async #pass(signal: AbortSignal): Promise<Outcome> {
    const waiting = this.#waiting
    this.#waiting = []
    try {
      return await this.#passOverAll(signal)
    } finally {
      for (const resolve of waiting) resolve()
    }
  }

  /** Puts in before it takes out, over all nodes: what replaces an instance may be on another. */
  async #passOverAll(signal: AbortSignal): Promise<Outcome> {
    const nodes = this.#options.cache.list<Node>('Node').filter(isRegistered)
    const failures: unknown[] = []
    try {
      await this.#lookWhatIsHeld(signal)
      const instances = Map.groupBy(this.#options.cache.list<Instance>('Instance'), ({ spec }) => spec.node)
      const plans: NodePlan[] = []
      for (const node of nodes)
        plans.push(...(await this.#planOf(node, instances.get(node.metadata.name) ?? [], signal)))
      for (const kind of ['register', 'deregister'] as const)
        for (const plan of plans) failures.push(...(await this.#carryOut(plan, kind, signal)))
      await this.#removeOthers(nodes, signal)
      this.#hasPassed = true
    } catch (error) {
      signal.throwIfAborted()
      if (!isRefusal(error)) throw error
      failures.push(error)
    }
    this.#tell(failures)
    return failures.length > 0
      ? recheck(REFUSED_RECHECK_MS, 'the directory refused something')
      : recheck(this.#lookInMs(), 'what others change in the directory nobody tells')
  }

  /** When all is to be looked at that was not looked at just now. */
  #lookInMs(): number {
    const nodesMs = Math.max(1, this.#lookMs - this.#options.clock.monotonic())
    return Math.max(nodesMs, ...[...this.#parts.values()].map(({ lookInMs }) => lookInMs))
  }

  async #lookWhatIsHeld(signal: AbortSignal): Promise<void> {
    const { directory, clock } = this.#options
    const nowMs = clock.monotonic()
    if (nowMs < this.#lookMs) return
    this.#held = new Set(await directory.nodes(signal))
    this.#lookMs = nowMs + LOOK_AGAIN_MS
  }

  async #planOf(
    { metadata: { name }, status }: Node,
    instances: readonly Instance[],
    signal: AbortSignal,
  ): Promise<readonly NodePlan[]> {
    const address = status?.addresses?.[0]
    const wanted = address === undefined ? [] : instances.filter(isAnnounced)
    if (wanted.length === 0 && !this.#held.has(name) && !this.#parts.has(name)) return []
    await Promise.all(wanted.map((one) => this.#mark(one)))
    const part = this.#partOf(name)
    const entries = wanted.flatMap((one) => entriesOf(one, address ?? ''))
    const owners = new Map(wanted.flatMap((one) => entryIds(one).map((id) => [id, one] as const)))
    return [{ part, owners, actions: planCatalog(entries, await part.look(signal)) }]
  }

  /** Returns what was refused. */
  async #carryOut(
    { part, owners, actions }: NodePlan,
    kind: CatalogAction['kind'],
    signal: AbortSignal,
  ): Promise<readonly unknown[]> {
    const failed = await part.carryOut(
      actions.filter((one) => one.kind === kind),
      (id) => this.#isStillWanted(owners.get(id)),
      signal,
    )
    const errors = [...failed.values()]
    const away = errors.find((error) => !isRefusal(error))
    if (away !== undefined) throw away
    return errors
  }

  /** What was lost, has gone, or is of an earlier leader. */
  async #removeOthers(nodes: readonly Node[], signal: AbortSignal): Promise<void> {
    const names = new Set(nodes.map(({ metadata }) => metadata.name))
    for (const node of new Set([...this.#held, ...this.#parts.keys()])) {
      if (names.has(node)) continue
      await this.#options.directory.remove(node, signal)
      this.#parts.delete(node)
      this.#held.delete(node)
    }
  }

  #partOf(node: string): Registrations {
    const known = this.#parts.get(node)
    if (known !== undefined) return known
    const part = new Registrations(this.#options.directory.of(node), this.#options.clock)
    this.#parts.set(node, part)
    return part
  }

  /** What load balancers lead to is marked already. */
  async #mark(instance: Instance): Promise<void> {
    if (instance.spec.traffic?.led === true) return
    const traffic = { led: true, drainTimeout: instance.spec.traffic?.drainTimeout ?? DRAIN_TIMEOUT }
    const ref = { ...refOfObject(instance), uid: instance.metadata.uid }
    await this.#options.api.updateOwned(ref, (spec) => ({ ...spec, traffic }))
  }

  /** Its end may have been asked for since the pass began. */
  #isStillWanted(instance: Instance | undefined): boolean {
    if (instance === undefined) return false
    const now = this.#options.cache.get<Instance>(refOfObject(instance))
    return now !== undefined && now.metadata.uid === instance.metadata.uid && isAnnounced(now)
  }

  #tell(failures: readonly unknown[]): void {
    const message = [...new Set(failures.map(textOf))].join('; ')
    if (message !== '' && message !== this.#logged)
      this.#options.logger.log(
        'warn',
        `not all ready instances of machines that joined can be registered: ${message}`,
      )
    this.#logged = message
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof CatalogError && error.reason !== 'Unreachable'
}

function textOf(error: unknown): string {
  const next = error instanceof CatalogError ? error.next : undefined
  return next === undefined ? messageOf(error) : `${messageOf(error)}: ${next}`
}
