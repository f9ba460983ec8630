/** Nodes and what occupies them, and the choosing: what is chosen counts as there at once. */
import { deepEqual } from '../core/json.ts'
import type { ServicePlacement } from '../resources/generated/types.ts'
import { Books } from './books.ts'
import { FitNodes } from './fit.ts'
import type { Batch, Occupant, Placed, PlacementNode, Refusal, Seat } from './placement.ts'
import { type Preemption, type PreemptionOptions, preemptionFor } from './preemption.ts'
import { Round } from './round.ts'

/** More rules than that are worked out anew: each takes room for all nodes. */
const MOST_RULES = 64

/**
 * Holds no clock and asks nobody: whoever has it tells it what comes and goes. What a batch costs grows with the number of nodes, and
 * not with what runs on them.
 */
export class Cluster {
  readonly #books = new Books()
  readonly #seed: number
  /** Who waits for room that is being made for it, by id: it counts as there to whoever is no more important. */
  readonly #nominated = new Map<string, Occupant>()
  /** By the rule's text, until a node changes. */
  readonly #fit = new Map<string, FitNodes>()

  /** @param seed decides between nodes that are as good as each other */
  constructor(seed = 0) {
    this.#seed = seed
  }

  /** In place of what the node was said to be before. */
  setNode(node: PlacementNode): void {
    if (deepEqual(this.#books.node(node.name)?.view, node)) return
    this.#books.setNode(node)
    this.#fit.clear()
  }

  /** What occupies it stays said to be there. */
  removeNode(name: string): void {
    this.#books.removeNode(name)
    this.#fit.clear()
  }

  /** In place of whatever had the same id. */
  occupy(occupant: Occupant): void {
    this.#books.occupy(occupant)
  }

  vacate(id: string): void {
    this.#books.vacate(id)
  }

  /** The node that something with this id is on. */
  nodeOf(id: string): string | undefined {
    return this.#books.nodeOf(id)?.name
  }

  /** Why not all of the batch would have a node once these ids were gone; undefined where all would. All is as before after it. */
  trial(batch: Batch, leaving: readonly string[]): Refusal | undefined {
    const gone = leaving.flatMap((id) => this.#books.occupant(id) ?? [])
    for (const { id } of gone) this.vacate(id)
    const placed = this.place(batch)
    for (const one of placed) if ('node' in one) this.vacate(one.id)
    for (const one of gone) this.occupy(one)
    const refused = placed.find((one) => 'refusal' in one)
    return refused?.refusal
  }

  /** How many are on the node. */
  occupantsOn(name: string): number {
    return this.#books.node(name)?.occupants.size ?? 0
  }

  /** A node for each seat, in the order in which they stand; what is there already stays where it is. */
  place(batch: Batch): readonly Placed[] {
    return this.#amongNominated(batch, () => {
      let round: Round | undefined
      return batch.seats.map((seat) => {
        const { id } = seat
        const there = this.nodeOf(id)
        if (there !== undefined) return { id, node: there }
        round ??= new Round(this.#books, this.#fitFor(batch.rule), batch, this.#seed)
        const given = round.seat(seat)
        return typeof given === 'string' ? { id, node: given } : { id, refusal: given }
      })
    })
  }

  /** Where the end of what is less important makes room for a seat that no node has room for; undefined where nothing would. Nothing is done. */
  preemption(batch: Batch, seat: Seat, budgetOf: PreemptionOptions['budgetOf']): Preemption | undefined {
    if (!this.#books.hasBelow(batch.priority ?? 0)) return undefined
    const options = { seed: this.#seed, budgetOf }
    return this.#amongNominated(batch, () =>
      preemptionFor(this.#books, this.#fitFor(batch.rule), batch, seat, options),
    )
  }

  /** It waits for room on `node`, which others are not to take: what is no more important finds it there. */
  nominate(occupant: Occupant): void {
    this.#nominated.set(occupant.id, occupant)
  }

  /** No longer. */
  withdraw(id: string): void {
    this.#nominated.delete(id)
  }

  /** Whether something may run there at all. */
  isReady(name: string): boolean {
    return this.#books.node(name)?.view?.ready === true
  }

  /** Whether its end was asked for. */
  isEnding(id: string): boolean {
    return this.#books.occupant(id)?.isEnding === true
  }

  /** The end of these was asked for. */
  end(ids: readonly string[]): void {
    for (const id of ids) {
      const occupant = this.#books.occupant(id)
      if (occupant !== undefined) this.occupy({ ...occupant, isEnding: true })
    }
  }

  #amongNominated<T>({ priority = 0, seats }: Batch, choose: () => T): T {
    if (this.#nominated.size === 0) return choose()
    const own = new Set(seats.map(({ id }) => id))
    const counted = [...this.#nominated.values()].filter(
      (one) => (one.priority ?? 0) >= priority && !own.has(one.id) && this.nodeOf(one.id) === undefined,
    )
    for (const one of counted) this.occupy(one)
    try {
      return choose()
    } finally {
      for (const { id } of counted) this.vacate(id)
    }
  }

  /** Most services have one of a few rules. */
  #fitFor(rule: ServicePlacement | undefined): FitNodes {
    const key = JSON.stringify(rule) ?? ''
    const known = this.#fit.get(key)
    if (known !== undefined) return known
    const fit = new FitNodes(this.#books, rule)
    if (this.#fit.size >= MOST_RULES) this.#fit.clear()
    this.#fit.set(key, fit)
    return fit
  }
}
