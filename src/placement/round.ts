/** One batch at the choosing: what will do is found once, then each seat takes the best of what is left. */
import { avoidedBy } from './avoided.ts'
import type { Books, NodeBook } from './books.ts'
import { type Candidate, candidatesOf, fullnessOf } from './candidates.ts'
import type { FitNodes } from './fit.ts'
import { Neighbours } from './neighbours.ts'
import type { Batch, Nearness, PlacementNode, Refusal, Seat } from './placement.ts'
import * as reasons from './reasons.ts'
import { lackOf } from './room.ts'
import { unfit } from './standing.ts'
import { compareNames, mix, tieOf } from './ties.ts'

export class Round {
  readonly #books: Books
  readonly #batch: Batch
  readonly #avoids: readonly Nearness[]
  readonly #candidates: readonly Candidate[]
  readonly #neighbours: Neighbours
  readonly #packs: boolean
  /** Stands for all seats that follow: each takes something away, and what one has could have had room for an earlier one as well. */
  #refusal: Refusal | undefined

  constructor(books: Books, fit: FitNodes, batch: Batch, seed: number) {
    this.#books = books
    this.#batch = batch
    this.#avoids = avoidedBy(batch.rule, batch.namespace)
    this.#packs = batch.rule?.strategy === 'pack'
    this.#candidates = candidatesOf(books, fit, batch, seed)
    this.#neighbours = new Neighbours(books, batch, fit)
  }

  /** The name of the node for this seat, which counts there from now on; or why there is none. */
  seat({ id, only }: Seat): string | Refusal {
    if (only !== undefined) {
      const its = this.#candidates.find(({ book }) => book.name === only.node)
      if (its === undefined || this.#against(its) !== undefined) return this.#refuseOnly(only)
      return this.#seated(its, id)
    }
    if (this.#refusal !== undefined) return this.#refusal
    const best = this.#best(id)
    if (best !== undefined) return this.#seated(best, id)
    this.#refusal = this.#refuse()
    return this.#refusal
  }

  #best(id: string): Candidate | undefined {
    const salt = tieOf(id)
    let best: Candidate | undefined
    for (const one of this.#candidates) {
      if (this.#against(one) !== undefined) continue
      if (best === undefined || this.#order(one, best, salt) < 0) best = one
    }
    return best
  }

  /** Why what runs on the node keeps the batch off. */
  #against({ book, view }: Pick<Candidate, 'book' | 'view'>): reasons.Reason | undefined {
    return lackOf(this.#batch.needs, book, view) ?? this.#neighbours.against(book)
  }

  /** Below 0 where `a` goes first: by what is said of nodes and neighbours, then by the strategy, then by the seed. */
  #order(a: Candidate, b: Candidate, salt: number): number {
    return (
      this.#distrust(a) - this.#distrust(b) ||
      a.annoyance - b.annoyance ||
      this.#byLiking(a, b) ||
      (this.#packs ? byFullness(b, a) : byFewest(a, b) || byFullness(a, b)) ||
      mix(a.tie, salt) - mix(b.tie, salt) ||
      compareNames(a.book.name, b.book.name)
    )
  }

  /** Without its key trusted a node cannot be given what the batch waits for. */
  #distrust({ view }: Candidate): number {
    return this.#batch.withSecrets && !view.trusted ? 1 : 0
  }

  #byLiking(a: Candidate, b: Candidate): number {
    const neighbours = this.#neighbours
    if (neighbours.isIndifferent) return b.appeal - a.appeal
    return (
      b.appeal + neighbours.appeal(b.book) - a.appeal - neighbours.appeal(a.book) ||
      neighbours.crowding(a.book) - neighbours.crowding(b.book)
    )
  }

  #seated(candidate: Candidate, id: string): string {
    const { service, hash, needs, priority } = this.#batch
    const { book } = candidate
    this.#books.occupy({
      ...{ id, service, hash, node: book.name, needs, avoids: this.#avoids },
      ...(priority !== undefined && { priority }),
    })
    candidate.own++
    candidate.all++
    candidate.zone.count++
    this.#neighbours.seated(book)
    return book.name
  }

  #refuse(): Refusal {
    const refused = []
    for (const book of this.#books.known) {
      const reason = this.#reasonAgainst(book)
      if (reason !== undefined) refused.push({ node: book.name, reason, why: this.#why(reason, book) })
    }
    return reasons.refusalOf(refused)
  }

  #refuseOnly({ node, because }: NonNullable<Seat['only']>): Refusal {
    const book = this.#books.node(node)
    const reason = book && this.#reasonAgainst(book)
    const why = reason === undefined || book === undefined ? 'not there' : this.#why(reason, book)
    return reasons.refusalBecause(because, { node, why })
  }

  #reasonAgainst(book: NodeBook): reasons.Reason | undefined {
    const { view } = book
    if (view === undefined) return undefined
    return unfit(view, this.#batch.rule) ?? this.#against({ book, view })
  }

  #why(reason: reasons.Reason, book: NodeBook): string {
    if (!reasons.isLack(reason)) return reason.one
    return reasons.lackText(reason, this.#batch.needs, book, book.view as PlacementNode)
  }
}

/** Fewest in the zone first, then on the node, then of what it replaces. */
function byFewest(a: Candidate, b: Candidate): number {
  return a.zone.count - b.zone.count || a.own - b.own || a.all - b.all
}

/** What has more left first. */
function byFullness(a: Candidate, b: Candidate): number {
  return fullnessOf(a) - fullnessOf(b) || a.book.occupants.size - b.book.occupants.size
}
