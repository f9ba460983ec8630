/**
 * Moves after which things would stand better: what no longer belongs where it is, what is crowded while it should be spread, and nodes that
 * what is packed could leave empty. Pure; only proposed: nothing moves without a reason. Each move is one that the planner itself would
 * make now, and makes it better by a measure that can only fall, so that the proposals come to an end and never undo each other.
 */
import type { Instance, Node, ServicePlacement } from '../resources/generated/types.ts'
import type { Cluster } from './cluster.ts'
import { needsOf, occupantOf, placementNode } from './inputs.ts'
import { type Batch, type Occupant, type PlacementNode, ZONE } from './placement.ts'
import { mismatch } from './standing.ts'
import { compareNames } from './ties.ts'
import { clusterOf, type Surroundings } from './trial.ts'

export interface Move {
  readonly namespace: string
  readonly instance: string
  readonly from: string
  readonly to: string
  /** `3 of its kind on n1, 1 on n2` */
  readonly why: string
}

/** What may be moved at all: it runs, has no data where it is, and belongs to no node and no Job. */
interface Movable {
  readonly instance: Instance
  readonly rule: ServicePlacement | undefined
  readonly occupant: Occupant
  /** Of what is to be spread with it: its service and template. */
  readonly kind: string
}

export function rebalance(around: Surroundings): readonly Move[] {
  const floor = new Floor(around)
  const moves: Move[] = []
  for (const one of floor.movable) {
    const move = floor.astray(one)
    if (move !== undefined) moves.push(move)
  }
  for (;;) {
    const found = floor.movable.flatMap((one) => floor.crowded(one) ?? [])
    if (found.length === 0) break
    moves.push(...found)
  }
  return [...moves, ...floor.nodes.flatMap((node) => floor.emptied(node))]
}

class Floor {
  /** By name. */
  readonly movable: readonly Movable[]
  /** Names, those first that have least on them. */
  readonly nodes: readonly string[]
  readonly #views: ReadonlyMap<string, PlacementNode>
  readonly #cluster: Cluster
  /** Where each is now, moves included. */
  readonly #where = new Map<Movable, string>()
  readonly #counts = new Counts()
  /** Nodes that something was moved to: they are not emptied for that. */
  readonly #taken = new Set<string>()

  constructor(around: Surroundings) {
    this.#views = new Map(around.nodes.map((node: Node) => [node.metadata.name, placementNode(node)]))
    this.#cluster = clusterOf(around)
    this.movable = movableOf(around, this.#views)
    for (const one of this.movable) this.#stands(one, one.occupant.node)
    const load = (name: string) => around.instances.filter(({ spec }) => spec.node === name).length
    this.nodes = [...this.#views.keys()].sort((a, b) => load(a) - load(b) || compareNames(a, b))
  }

  /** Its node no longer is what its service asks for. */
  astray(one: Movable): Move | undefined {
    const view = this.#views.get(one.occupant.node)
    const reason = view && mismatch(view, one.rule)
    if (reason === undefined) return undefined
    return this.#try(one, () => `${one.occupant.node} is ${reason.one}`)
  }

  /** There are two more on its node, or in its zone, than where it would go. */
  crowded(one: Movable): Move | undefined {
    if (one.rule?.strategy === 'pack') return undefined
    const from = this.#where.get(one) as string
    return this.#try(one, (to) => {
      const zones = this.#count(one, from, 'zone') - this.#count(one, to, 'zone')
      const isOneZone = this.#zoneOf(from) === this.#zoneOf(to)
      if (!isOneZone && zones >= 2) return this.#gapText(one, 'zone', from, to)
      if (!isOneZone && zones < 1) return undefined
      const nodes = this.#count(one, from, 'node') - this.#count(one, to, 'node')
      return nodes >= 2 ? this.#gapText(one, 'node', from, to) : undefined
    })
  }

  /** All that is on the node could go where something is already, and may: then the node would be free. */
  emptied(node: string): readonly Move[] {
    const here = this.movable.filter((one) => this.#where.get(one) === node)
    if (here.length === 0 || here.length < this.#occupants(node) || this.#taken.has(node)) return []
    if (here.some(({ rule }) => rule?.strategy !== 'pack')) return []
    const moves: Move[] = []
    for (const one of here) {
      const move = this.#try(one, (to) => (this.#occupants(to) > 0 ? `leaves ${node} empty` : undefined))
      if (move === undefined) {
        for (const moved of here) this.#put(moved, node)
        return []
      }
      moves.push(move)
    }
    return moves
  }

  /** Moves it to where the planner would put it now, if that is elsewhere and there is a reason to. */
  #try(one: Movable, reasonFor: (to: string) => string | undefined): Move | undefined {
    const from = this.#where.get(one) as string
    const { id } = one.occupant
    this.#cluster.vacate(id)
    const [placed] = this.#cluster.place(batchOf(one))
    const to = placed !== undefined && 'node' in placed ? placed.node : from
    const why = to === from ? undefined : reasonFor(to)
    if (why === undefined) {
      this.#put(one, from)
      return undefined
    }
    this.#stands(one, to)
    this.#taken.add(to)
    const { namespace = '', name } = one.instance.metadata
    return { namespace, instance: name, from, to, why }
  }

  #put(one: Movable, node: string): void {
    this.#cluster.occupy({ ...one.occupant, node })
    this.#stands(one, node)
  }

  #stands(one: Movable, node: string): void {
    const before = this.#where.get(one)
    if (before !== undefined) this.#counts.move(one.kind, before, this.#zoneOf(before), -1)
    this.#counts.move(one.kind, node, this.#zoneOf(node), 1)
    this.#where.set(one, node)
  }

  /** How many of its kind are on the node or in its zone. */
  #count({ kind }: Movable, node: string, by: 'node' | 'zone'): number {
    return by === 'node' ? this.#counts.on(kind, node) : this.#counts.in(kind, this.#zoneOf(node))
  }

  #gapText(one: Movable, by: 'node' | 'zone', from: string, to: string): string {
    const name = (node: string) => (by === 'node' ? node : `zone ${this.#zoneOf(node) || '(none)'}`)
    const text = (node: string) => `${this.#count(one, node, by)} on ${name(node)}`
    return `${text(from)}, ${text(to)}`.replaceAll(' on zone', ' in zone')
  }

  #zoneOf(node: string): string {
    return this.#views.get(node)?.labels[ZONE] ?? ''
  }

  #occupants(node: string): number {
    return this.#cluster.occupantsOn(node)
  }
}

/** How many of each kind are where. */
class Counts {
  readonly #nodes = new Map<string, number>()
  readonly #zones = new Map<string, number>()

  move(kind: string, node: string, zone: string, by: 1 | -1): void {
    this.#nodes.set(`${kind} ${node}`, this.on(kind, node) + by)
    this.#zones.set(`${kind} ${zone}`, this.in(kind, zone) + by)
  }

  on(kind: string, node: string): number {
    return this.#nodes.get(`${kind} ${node}`) ?? 0
  }

  in(kind: string, zone: string): number {
    return this.#zones.get(`${kind} ${zone}`) ?? 0
  }
}

function movableOf(
  { instances, services }: Surroundings,
  nodes: ReadonlyMap<string, PlacementNode>,
): readonly Movable[] {
  const rules = new Map(
    services.map(({ metadata, spec }) => [`${metadata.namespace}/${metadata.name}`, spec]),
  )
  return instances
    .flatMap((instance) => {
      const { metadata, spec } = instance
      const service = rules.get(`${metadata.namespace}/${spec.service}`)
      const occupant = occupantOf(instance, service?.placement)
      if (service === undefined || occupant === undefined) return []
      const isFixed = (spec.storage ?? []).length > 0 || service.placement?.strategy === 'perNode'
      if (isFixed || metadata.deletionTimestamp !== undefined || nodes.get(spec.node)?.ready !== true)
        return []
      return [{ instance, rule: service.placement, occupant, kind: `${occupant.service} ${occupant.hash}` }]
    })
    .sort((a, b) => compareNames(a.occupant.id, b.occupant.id))
}

function batchOf({ instance, rule, occupant }: Movable): Batch {
  const { namespace = '' } = instance.metadata
  const withSecrets = (instance.spec.materials ?? []).some(({ kind }) => kind === 'Secret')
  const needs = needsOf(instance.spec.template)
  const { id, service, hash } = occupant
  return { service, namespace, hash, needs, rule, withSecrets, seats: [{ id }] }
}
