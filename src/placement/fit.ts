/** The nodes that will do for a rule, whatever runs there. The same for all batches of that rule until a node changes. */
import type { ServicePlacement } from '../resources/generated/types.ts'
import { type Books, type NodeBook, placeOf } from './books.ts'
import type { PlacementNode } from './placement.ts'
import { annoyance, appeal, unfit } from './standing.ts'

export interface FitNode {
  readonly book: NodeBook
  readonly view: PlacementNode
  /** Taints that the rule would rather not put up with, and what else speaks for any other node. */
  readonly annoyance: number
  /** The sum of the weights of what is preferred of nodes. */
  readonly appeal: number
}

export class FitNodes {
  readonly nodes: readonly FitNode[]
  /** By the label: the places that these nodes are in. */
  readonly #places = new Map<string, readonly string[]>()

  constructor(books: Books, rule: ServicePlacement | undefined) {
    const nodes: FitNode[] = []
    for (const book of books.known) {
      const view = book.view as PlacementNode
      if (unfit(view, rule) === undefined)
        nodes.push({ book, view, annoyance: annoyance(view, rule), appeal: appeal(view, rule) })
    }
    this.nodes = nodes
  }

  placesBy(topologyKey: string): readonly string[] {
    const known = this.#places.get(topologyKey)
    if (known !== undefined) return known
    const places = [...new Set(this.nodes.flatMap(({ book }) => placeOf(book, topologyKey) ?? []))]
    this.#places.set(topologyKey, places)
    return places
  }
}
