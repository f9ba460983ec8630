/** What is where: nodes, what occupies them, and sums of it that are kept up as things come and go. No choices are made here. */
import { labelOf } from './node-terms.ts'
import { HOSTNAME, type Occupant, type PlacementNode, ZONE } from './placement.ts'
import { compareNames, tieOf } from './ties.ts'

/** A node and the sums of what is on it. */
export interface NodeBook {
  readonly name: string
  readonly tie: number
  /** Undefined where something is said to be there and nobody knows the node. */
  view: PlacementNode | undefined
  /** Stands for its zone; equal for all nodes without one. */
  zone: number
  cpuMillis: number
  memoryBytes: number
  readonly occupants: Map<string, Occupant>
  /** By port: how many have it. */
  readonly ports: Map<string, number>
}

/** How many of one service are on one node. */
export interface Crew {
  all: number
  /** By the hash of their template. */
  readonly byHash: Map<string, number>
}

/** How many of one service are in each place. */
export interface Avoidance {
  /** Whose rule it is. */
  readonly owner: string
  readonly topologyKey: string
  /** By place: how many of the owner's are there. */
  readonly places: Map<string, number>
}

/** The place that a node counts to; undefined where it has no such label. */
export function placeOf(book: NodeBook, topologyKey: string): string | undefined {
  if (topologyKey === HOSTNAME) return book.name
  return book.view === undefined ? undefined : labelOf(book.view.labels, topologyKey)
}

export class Books {
  readonly #nodes = new Map<string, NodeBook>()
  readonly #known = new Set<NodeBook>()
  /** By name. There are few, and they stay. */
  readonly #zones = new Map<string, number>()
  readonly #occupants = new Map<string, NodeBook>()
  readonly #crews = new Map<string, Map<NodeBook, Crew>>()
  /** By the service that is avoided, then by rule. */
  readonly #avoided = new Map<string, Map<string, Avoidance>>()
  /** How many there are of each priority. */
  readonly #priorities = new Map<number, number>()

  /** Those that are nodes, in no particular order. */
  get known(): ReadonlySet<NodeBook> {
    return this.#known
  }

  node(name: string): NodeBook | undefined {
    return this.#nodes.get(name)
  }

  nodeOf(id: string): NodeBook | undefined {
    return this.#occupants.get(id)
  }

  occupant(id: string): Occupant | undefined {
    return this.#occupants.get(id)?.occupants.get(id)
  }

  /** By node: how many of `service` are there. */
  crews(service: string): ReadonlyMap<NodeBook, Crew> | undefined {
    return this.#crews.get(service)
  }

  /** Rules of others (or its own) that keep `service` away, by their owners' names. They are kept up while they are in use. */
  avoidances(service: string): readonly Avoidance[] {
    const rules = this.#avoided.get(service)
    if (rules === undefined) return []
    return [...rules].sort(([a], [b]) => compareNames(a, b)).map(([, rule]) => rule)
  }

  /** Whether anything is less important. */
  hasBelow(priority: number): boolean {
    for (const other of this.#priorities.keys()) if (other < priority) return true
    return false
  }

  setNode(view: PlacementNode): void {
    const book = this.#bookOf(view.name)
    // what is there counts to the places that the new labels name
    const occupants = [...book.occupants.values()]
    for (const one of occupants) this.#shun(book, one, -1)
    book.view = view
    book.zone = this.#zoneOf(view)
    this.#known.add(book)
    for (const one of occupants) this.#shun(book, one, 1)
  }

  removeNode(name: string): void {
    const book = this.#nodes.get(name)
    if (book === undefined) return
    const occupants = [...book.occupants.values()]
    for (const one of occupants) this.#shun(book, one, -1)
    book.view = undefined
    this.#known.delete(book)
    for (const one of occupants) this.#shun(book, one, 1)
    this.#forgetUnused(book)
  }

  /** In place of whatever had the same id. */
  occupy(occupant: Occupant): void {
    this.vacate(occupant.id)
    const book = this.#bookOf(occupant.node)
    book.occupants.set(occupant.id, occupant)
    this.#occupants.set(occupant.id, book)
    this.#count(book, occupant, 1)
  }

  vacate(id: string): void {
    const book = this.#occupants.get(id)
    const occupant = book?.occupants.get(id)
    if (book === undefined || occupant === undefined) return
    book.occupants.delete(id)
    this.#occupants.delete(id)
    this.#count(book, occupant, -1)
    this.#forgetUnused(book)
  }

  #bookOf(name: string): NodeBook {
    const known = this.#nodes.get(name)
    if (known !== undefined) return known
    const book = {
      name,
      tie: tieOf(name),
      view: undefined,
      zone: 0,
      cpuMillis: 0,
      memoryBytes: 0,
      occupants: new Map(),
      ports: new Map(),
    }
    this.#nodes.set(name, book)
    return book
  }

  #zoneOf({ labels }: PlacementNode): number {
    const name = labelOf(labels, ZONE) ?? ''
    const zone = this.#zones.get(name) ?? this.#zones.size
    this.#zones.set(name, zone)
    return zone
  }

  #forgetUnused(book: NodeBook): void {
    if (book.view === undefined && book.occupants.size === 0) this.#nodes.delete(book.name)
  }

  #count(book: NodeBook, occupant: Occupant, by: 1 | -1): void {
    const { needs, service, hash, priority = 0 } = occupant
    add(this.#priorities, priority, by)
    book.cpuMillis += by * needs.cpuMillis
    book.memoryBytes += by * needs.memoryBytes
    for (const port of needs.ports) add(book.ports, port, by)
    const crews = this.#crews.get(service) ?? new Map<NodeBook, Crew>()
    const crew = crews.get(book) ?? { all: 0, byHash: new Map<string, number>() }
    crew.all += by
    add(crew.byHash, hash, by)
    if (crew.all > 0) this.#crews.set(service, crews.set(book, crew))
    else crews.delete(book)
    if (crews.size === 0) this.#crews.delete(service)
    this.#shun(book, occupant, by)
  }

  /** What the occupant must not have near it. */
  #shun(book: NodeBook, { service: owner, avoids }: Occupant, by: 1 | -1): void {
    for (const { service, topologyKey } of avoids) {
      const place = placeOf(book, topologyKey)
      if (place === undefined) continue
      const rules = this.#avoided.get(service) ?? new Map<string, Avoidance>()
      const key = `${owner} ${topologyKey}`
      const rule = rules.get(key) ?? { owner, topologyKey, places: new Map<string, number>() }
      add(rule.places, place, by)
      if (rule.places.size > 0) this.#avoided.set(service, rules.set(key, rule))
      else rules.delete(key)
      if (rules.size === 0) this.#avoided.delete(service)
    }
  }
}

/** Counts up or down; what comes to 0 is forgotten. */
function add<Key>(counts: Map<Key, number>, key: Key, by: number): void {
  const count = (counts.get(key) ?? 0) + by
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
