/**
 * Where nothing has room for something: the node on which the end of what is less important makes room for it at the least cost. After
 * Kubernetes' default preemption: on each node all that is less important is thought away, and then taken back as far as there is room, the most
 * important first; of the nodes the one with the mildest victims is taken. Pure.
 */
import type { Books, NodeBook } from './books.ts'
import type { FitNode, FitNodes } from './fit.ts'
import { Neighbours } from './neighbours.ts'
import type { Batch, Occupant, Seat } from './placement.ts'
import { lackOf } from './room.ts'
import { compareNames, mix, tieOf } from './ties.ts'

export interface Preemption {
  readonly node: string
  /** What has to end for it, by id; empty where what is ending already makes the room. */
  readonly victims: readonly string[]
  /** What is ending there already. */
  readonly ending: readonly string[]
}

export interface PreemptionOptions {
  readonly seed: number
  /** How many of a service may go without its disruption budget being broken; Infinity where it has none. */
  readonly budgetOf: (service: string) => number
}

/** One node with the victims that it would take. */
interface Offer {
  readonly book: NodeBook
  readonly victims: readonly Occupant[]
  readonly ending: readonly Occupant[]
  /** Victims whose service's budget breaks, or whose data is there and nowhere else. */
  readonly violations: number
}

/** Undefined where no end of anything less important would do. `books` are as before after it. */
export function preemptionFor(
  books: Books,
  fit: FitNodes,
  batch: Batch,
  { id, only }: Seat,
  { seed, budgetOf }: PreemptionOptions,
): Preemption | undefined {
  const { priority = 0 } = batch
  // with less there nothing keeps away what is not kept away now
  const asked = { fit, batch, isFree: new Neighbours(books, batch, fit).isFree }
  let best: Offer | undefined
  const salt = tieOf(id)
  const tie = ({ book }: Offer) => mix(book.tie ^ seed, salt)
  for (const node of fit.nodes) {
    if (only !== undefined && only.node !== node.book.name) continue
    const offer = new Bargain(books, asked, node).offer(priority, budgetOf)
    if (offer === undefined) continue
    const order = best === undefined ? -1 : compareOffers(offer, best) || tie(offer) - tie(best)
    if (order < 0 || (order === 0 && best !== undefined && compareNames(node.book.name, best.book.name) < 0))
      best = offer
  }
  if (best === undefined) return undefined
  const ids = (some: readonly Occupant[]) => some.map((one) => one.id).sort(compareNames)
  return { node: best.book.name, victims: ids(best.victims), ending: ids(best.ending) }
}

/** Below 0 where `a` costs less. */
function compareOffers(a: Offer, b: Offer): number {
  return (
    a.violations - b.violations ||
    highest(a) - highest(b) ||
    a.victims.length - b.victims.length ||
    sumOf(a) - sumOf(b)
  )
}

function highest({ victims }: Offer): number {
  return victims.reduce((most, { priority = 0 }) => Math.max(most, priority), Number.MIN_SAFE_INTEGER)
}

function sumOf({ victims }: Offer): number {
  return victims.reduce((sum, { priority = 0 }) => sum + priority, 0)
}

interface Asked {
  readonly fit: FitNodes
  readonly batch: Batch
  /** It does not matter what runs where. */
  readonly isFree: boolean
}

/** One node, and what it would take to be given a place there. */
class Bargain {
  readonly #books: Books
  readonly #asked: Asked
  readonly #node: FitNode
  /** What is used of the node as far as things are thought away. */
  readonly #used: { cpuMillis: number; memoryBytes: number; readonly ports: { has(port: string): boolean } }
  readonly #ports: ReadonlyMap<string, number>
  readonly #freed = new Map<string, number>()

  constructor(books: Books, asked: Asked, node: FitNode) {
    this.#books = books
    this.#asked = asked
    this.#node = node
    const { cpuMillis, memoryBytes, ports } = node.book
    this.#ports = new Map(ports)
    const has = (port: string) => (this.#ports.get(port) ?? 0) > (this.#freed.get(port) ?? 0)
    this.#used = { cpuMillis, memoryBytes, ports: { has } }
  }

  offer(priority: number, budgetOf: PreemptionOptions['budgetOf']): Offer | undefined {
    const there = [...this.#node.book.occupants.values()]
    const ending = there.filter((one) => one.isEnding === true)
    const lesser = there.filter(
      (one) =>
        one.isEnding !== true && (one.priority ?? 0) < priority && one.service !== this.#asked.batch.service,
    )
    const gone = [...ending, ...lesser]
    for (const one of gone) this.#account(one, -1)
    // most nodes are no use even if they were emptied so far
    if (gone.length === 0 || this.#lacks()) return undefined
    lesser.sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0) || compareNames(a.id, b.id))
    this.#inBooks(() => {
      for (const one of gone) this.#books.vacate(one.id)
    })
    const spared = this.#fits() ? this.#spare(lesser, budgetOf) : undefined
    this.#inBooks(() => {
      for (const one of gone) this.#books.occupy(one)
    })
    return spared && { ...spared, book: this.#node.book, ending }
  }

  /** Takes back what there is room for: what would break a promise first, then what is more important. */
  #spare(
    lesser: readonly Occupant[],
    budgetOf: PreemptionOptions['budgetOf'],
  ): Pick<Offer, 'victims' | 'violations'> {
    const dear = dearOnes(lesser, budgetOf)
    const victims: Occupant[] = []
    const order = [...lesser.filter((one) => dear.has(one)), ...lesser.filter((one) => !dear.has(one))]
    for (const one of order) {
      this.#account(one, 1)
      this.#inBooks(() => this.#books.occupy(one))
      if (this.#fits()) continue
      this.#account(one, -1)
      this.#inBooks(() => this.#books.vacate(one.id))
      victims.push(one)
    }
    return { victims, violations: victims.filter((one) => dear.has(one)).length }
  }

  #account({ needs }: Occupant, by: 1 | -1): void {
    this.#used.cpuMillis += by * needs.cpuMillis
    this.#used.memoryBytes += by * needs.memoryBytes
    for (const port of needs.ports) this.#freed.set(port, (this.#freed.get(port) ?? 0) - by)
  }

  /** The books are needed, and touched, only where it matters what runs where: that is the dear part. */
  #inBooks(act: () => void): void {
    if (!this.#asked.isFree) act()
  }

  #fits(): boolean {
    if (this.#lacks()) return false
    const { batch, fit, isFree } = this.#asked
    return isFree || new Neighbours(this.#books, batch, fit).against(this.#node.book) === undefined
  }

  #lacks(): boolean {
    return lackOf(this.#asked.batch.needs, this.#used, this.#node.view) !== undefined
  }
}

/** Those that should not go where anything else will do: all have data here only, or would break their service's budget, the least important first. */
function dearOnes(
  lesser: readonly Occupant[],
  budgetOf: PreemptionOptions['budgetOf'],
): ReadonlySet<Occupant> {
  const dear = new Set<Occupant>()
  const spent = new Map<string, number>()
  for (const one of lesser) {
    const before = spent.get(one.service) ?? 0
    if (one.isPinned === true || before >= budgetOf(one.service)) dear.add(one)
    else spent.set(one.service, before + 1)
  }
  return dear
}
