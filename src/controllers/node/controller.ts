/** The Node controller: says which nodes are lost, and takes out of the store what was on one that is deleted. */
import type { ResourceApi, ResourceController, ResourceReader } from '../../api/api.ts'
import { type Clock, delay } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { Logger } from '../../core/logger.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import { type ControllerSpec, ownKey } from '../../engine/controller.ts'
import { isOutage } from '../../engine/failures.ts'
import type { Runnable } from '../../engine/manager.ts'
import { type Outcome, settled } from '../../engine/reconciler.ts'
import type { Instance, Node, NodeStatus } from '../../resources/generated/types.ts'
import { type AnyResource, type ObjectRef, refOfObject } from '../../resources/object.ts'
import type { StoreReader, StoreWriter } from '../../store/store.ts'
import { Departures } from './departures.ts'
import { Fencing, isFenced } from './fencing.ts'
import { Heartbeats } from './heartbeats.ts'
import { judge, type Verdict } from './judge.ts'
import { Losses } from './losses.ts'
import { announce, isExpected, judgedBefore, withVerdict } from './status.ts'

export type NodeApi = Pick<
  ResourceController,
  'amendStatus' | 'requestDelete' | 'removeFinalizer' | 'recordEvent'
> &
  Pick<ResourceReader, 'get'> &
  Pick<ResourceApi, 'fenced'>

export interface NodeControllerOptions {
  readonly cache: ObjectCache
  readonly api: NodeApi
  readonly store: StoreReader & StoreWriter
  readonly clock: Clock
  readonly logger: Logger
  /** A node that is silent for so long is lost; 15 s where left out. */
  readonly graceMs?: number
}

export const NODE_GRACE_MS = 15_000
/** From one look at the leases to the next. One read, however many nodes there are. */
const LOOK_MS = 1_000

export interface NodeController {
  readonly spec: ControllerSpec
  /** Looks at the leases, and has `enqueue` told of nodes of which something else is to be said. */
  watch(enqueue: (ref: ObjectRef) => void): Runnable
}

export function nodeController(options: NodeControllerOptions): NodeController {
  const reconciler = new NodeReconciler(options)
  const toNode = (object: AnyResource): readonly ObjectRef[] => {
    const { spec, kind } = object as unknown as Instance
    return kind === 'Instance' && isFenced(spec)
      ? reconciler.departing(spec.node)
      : reconciler.leaving(spec.node)
  }
  return {
    spec: {
      name: 'node',
      watches: [
        { kind: 'Node', toKeys: ownKey },
        { kind: 'Instance', toKeys: toNode },
        { kind: 'Volume', toKeys: toNode },
      ],
      reconciler,
    },
    watch: (enqueue) => ({ name: 'heartbeats', run: (signal) => reconciler.watch(enqueue, signal) }),
  }
}

class NodeReconciler {
  readonly #options: NodeControllerOptions
  readonly #graceMs: number
  readonly #heartbeats: Heartbeats
  readonly #losses: Losses
  readonly #departures: Departures
  readonly #fencing: Fencing
  #verdicts: ReadonlyMap<string, Verdict> = new Map()

  constructor(options: NodeControllerOptions) {
    this.#options = options
    this.#graceMs = options.graceMs ?? NODE_GRACE_MS
    // of a grace period the greater part has to have been seen
    this.#heartbeats = new Heartbeats({ ...options, blindMs: Math.max(3 * LOOK_MS, this.#graceMs / 4) })
    this.#losses = new Losses(options.clock)
    this.#departures = new Departures(options)
    this.#fencing = new Fencing(options, this.#heartbeats)
  }

  /** The node, where what is on it has to go. */
  leaving(name: string): readonly ObjectRef[] {
    const ref = { kind: 'Node', name }
    const node = this.#options.cache.get<Node>(ref)
    const isKept = node !== undefined && node.metadata.deletionTimestamp === undefined
    return isKept && node.spec?.drain?.force !== true ? [] : [ref]
  }

  /** The node, where what is unique on it may have to go. */
  departing(name: string): readonly ObjectRef[] {
    return this.#verdicts.get(name)?.kind === 'lost' ? [{ kind: 'Node', name }] : this.leaving(name)
  }

  async watch(enqueue: (ref: ObjectRef) => void, signal: AbortSignal): Promise<void> {
    const { cache, clock, logger } = this.#options
    while (!signal.aborted) {
      try {
        const nodes = cache.list<Node>('Node')
        await this.#heartbeats.look(nodes.map(({ metadata }) => metadata.name))
        for (const node of this.#judge(nodes)) enqueue(refOfObject(node as unknown as AnyResource))
      } catch (error) {
        if (!isOutage(error)) throw error
        logger.log('debug', `cannot read which nodes are heard of: ${messageOf(error)}`)
      }
      await delay(clock, this.#untilNextMs(), signal).catch(() => undefined)
    }
  }

  /** Judges all; gives those of which something else is to be said than their status does. */
  #judge(nodes: readonly Node[]): readonly Node[] {
    const names = nodes.map(({ metadata }) => metadata.name)
    this.#losses.retain(new Set(names))
    this.#verdicts = judge({
      graceMs: this.#graceMs,
      allowance: this.#losses.allowance(nodes.length),
      nodes: nodes.map(({ metadata: { name }, status }) => ({
        name,
        silentMs: this.#heartbeats.silentMs(name) ?? 0,
        heardMs: this.#heartbeats.heardMs(name),
        isExpected: isExpected(status),
        before: judgedBefore(status),
        losses: this.#losses.count(name),
      })),
    })
    for (const [name, { kind }] of this.#verdicts)
      if (kind === 'lost' || kind === 'silent') this.#heartbeats.fellSilent(name)
    return nodes.filter(({ metadata: { name }, status }) => {
      const verdict = this.#verdicts.get(name)
      return verdict !== undefined && (judgedBefore(status) ?? 'ready') !== verdict.kind
    })
  }

  /** Exactly when the next would be lost, if that is sooner than the usual look. */
  #untilNextMs(): number {
    let nextMs = LOOK_MS
    for (const name of this.#verdicts.keys()) {
      const leftMs = this.#graceMs - (this.#heartbeats.silentMs(name) ?? 0)
      if (leftMs > 0 && leftMs < nextMs) nextMs = leftMs
    }
    return nextMs
  }

  async reconcile(ref: ObjectRef): Promise<Outcome> {
    const node = this.#options.cache.get<Node>(ref)
    if (node === undefined) return await this.#departures.clear(ref)
    const verdict = this.#verdicts.get(ref.name)
    if (verdict !== undefined) await this.#say(ref, node, verdict)
    if (node.metadata.deletionTimestamp === undefined) {
      if (node.spec?.drain?.force === true) await this.#departures.endRuns(ref.name)
      return verdict?.kind === 'lost' ? await this.#fencing.fence(ref.name) : settled
    }
    const isHeard = (this.#heartbeats.silentMs(ref.name) ?? 0) < this.#graceMs && verdict !== undefined
    return await this.#departures.depart(node, isHeard)
  }

  async #say(ref: ObjectRef, { metadata: { uid } }: Node, verdict: Verdict): Promise<void> {
    const { api, clock } = this.#options
    const graceMs = this.#graceMs
    let written: NodeStatus | undefined
    await api.amendStatus({ ...ref, uid }, (status) => {
      const before = status as NodeStatus | undefined
      const after = withVerdict(before, verdict, { graceMs, now: new Date(clock.now()).toISOString() })
      written = after === before ? undefined : after
      return (after ?? {}) as unknown as Json
    })
    if (written === undefined) return
    if (verdict.kind === 'lost') this.#losses.note(ref.name)
    await api.recordEvent(announce(ref.name, uid, verdict, written))
  }
}
