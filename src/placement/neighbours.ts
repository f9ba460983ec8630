/** What of a rule depends on what runs where: services to be near to or away from, and how evenly places are filled. */
import type { ServiceNearTerm, ServicePreferredNearTerm } from '../resources/generated/types.ts'
import { type Avoidance, type Books, type NodeBook, placeOf } from './books.ts'
import type { FitNodes } from './fit.ts'
import type { Batch } from './placement.ts'
import * as reasons from './reasons.ts'

/** How many of one service are in each place. */
interface Presence {
  readonly service: string
  readonly topologyKey: string
  readonly places: Map<string, number>
}

interface WeightedPresence extends Presence {
  readonly weight: number
}

/** How many of this batch's service and template are in each place that could take more. */
interface Evenness {
  readonly topologyKey: string
  readonly maxSkew: number
  readonly places: Map<string, number>
  least: number
}

/** For one batch; told of each that is put somewhere. */
export class Neighbours {
  readonly #near: readonly Presence[]
  readonly #away: readonly Presence[]
  readonly #avoided: readonly Avoidance[]
  readonly #liked: readonly WeightedPresence[]
  readonly #even: readonly Evenness[]
  readonly #evenIfPossible: readonly Evenness[]
  readonly #batch: Batch
  /** Nothing here can refuse anything. */
  readonly isFree: boolean
  /** Nothing here tells nodes apart that will do. */
  readonly isIndifferent: boolean

  /** @param fit what could take something: only these are places that others are measured by */
  constructor(books: Books, batch: Batch, fit: FitNodes) {
    const { rule } = batch
    this.#batch = batch
    const of = (term: ServiceNearTerm) => presenceOf(books, batch, term)
    const weighted = (terms: readonly ServicePreferredNearTerm[] | undefined, sign: 1 | -1) =>
      (terms ?? []).map(({ weight, preference }) => ({ ...of(preference), weight: sign * weight }))
    this.#near = (rule?.affinity?.service?.required ?? []).map(of)
    // what is nowhere and is not to come with this batch keeps nothing away
    this.#away = (rule?.antiAffinity?.service?.required ?? [])
      .map(of)
      .filter(({ service, places }) => places.size > 0 || service === batch.service)
    this.#avoided = books.avoidances(batch.service)
    this.#liked = [
      ...weighted(rule?.affinity?.service?.preferred, 1),
      ...weighted(rule?.antiAffinity?.service?.preferred, -1),
    ]
    const spread = (rule?.topologySpreadConstraints ?? []).map(
      ({ topologyKey, maxSkew, whenUnsatisfiable }) => ({
        isHard: whenUnsatisfiable === 'DoNotSchedule',
        ...evennessOf(books, batch, fit, topologyKey, maxSkew),
      }),
    )
    this.#even = spread.filter((one) => one.isHard)
    this.#evenIfPossible = spread.filter((one) => !one.isHard)
    this.isFree = [this.#near, this.#away, this.#avoided, this.#even].every(({ length }) => length === 0)
    this.isIndifferent = this.#liked.length === 0 && this.#evenIfPossible.length === 0
  }

  /** Why what runs where keeps the batch off this node. */
  against(book: NodeBook): reasons.Reason | undefined {
    if (this.isFree) return undefined
    for (const presence of this.#near)
      if (!this.#isNear(presence, book)) return reasons.without(presence.service)
    for (const { service, topologyKey, places } of this.#away)
      if (isIn(places, book, topologyKey)) return reasons.near(service)
    for (const { owner, topologyKey, places } of this.#avoided)
      if (isIn(places, book, topologyKey)) return reasons.avoided(owner)
    for (const { topologyKey, places, maxSkew, least } of this.#even) {
      const place = placeOf(book, topologyKey)
      if (place === undefined) return reasons.unlabelled(topologyKey)
      if ((places.get(place) ?? 0) + 1 - least > maxSkew) return reasons.skewed(topologyKey)
    }
    return undefined
  }

  /** The first of those that are to be near each other may be anywhere that has the label. */
  #isNear({ service, topologyKey, places }: Presence, book: NodeBook): boolean {
    const place = placeOf(book, topologyKey)
    if (place === undefined) return false
    return places.has(place) || (places.size === 0 && service === this.#batch.service)
  }

  /** The sum of the weights of what is preferred of services. */
  appeal(book: NodeBook): number {
    let sum = 0
    for (const { weight, topologyKey, places } of this.#liked)
      if (isIn(places, book, topologyKey)) sum += weight
    return sum
  }

  /** How many are too near already, of what should be even and need not. */
  crowding(book: NodeBook): number {
    let sum = 0
    for (const { topologyKey, places, maxSkew, least } of this.#evenIfPossible) {
      const place = placeOf(book, topologyKey)
      const skew = place === undefined ? Number.MAX_SAFE_INTEGER : (places.get(place) ?? 0) + 1 - least
      sum += Math.max(0, skew - maxSkew)
    }
    return sum
  }

  /** One of the batch is there from now on. */
  seated(book: NodeBook): void {
    for (const list of [this.#near, this.#away, this.#liked])
      for (const { service, topologyKey, places } of list)
        if (service === this.#batch.service) increment(places, placeOf(book, topologyKey))
    for (const list of [this.#even, this.#evenIfPossible])
      for (const one of list) {
        increment(one.places, placeOf(book, one.topologyKey))
        one.least = leastOf(one.places)
      }
  }
}

function presenceOf(
  books: Books,
  batch: Batch,
  { service, namespace, topologyKey }: ServiceNearTerm,
): Presence {
  const key = `${namespace ?? batch.namespace}/${service}`
  const places = new Map<string, number>()
  for (const [book, { all }] of books.crews(key) ?? []) increment(places, placeOf(book, topologyKey), all)
  return { service: key, topologyKey, places }
}

/** Only the batch's own template counts: what it replaces is about to go. */
function evennessOf(
  books: Books,
  { service, hash }: Batch,
  fit: FitNodes,
  topologyKey: string,
  maxSkew: number,
): Evenness {
  const places = new Map<string, number>()
  for (const place of fit.placesBy(topologyKey)) places.set(place, 0)
  for (const [book, { byHash }] of books.crews(service) ?? []) {
    const place = placeOf(book, topologyKey)
    if (book.view?.ready === true && place !== undefined && places.has(place))
      increment(places, place, byHash.get(hash) ?? 0)
  }
  return { topologyKey, maxSkew, places, least: leastOf(places) }
}

function leastOf(places: ReadonlyMap<string, number>): number {
  let least = Number.POSITIVE_INFINITY
  for (const count of places.values()) if (count < least) least = count
  return least === Number.POSITIVE_INFINITY ? 0 : least
}

function isIn(places: ReadonlyMap<string, number>, book: NodeBook, topologyKey: string): boolean {
  const place = placeOf(book, topologyKey)
  return place !== undefined && places.has(place)
}

function increment(places: Map<string, number>, place: string | undefined, by = 1): void {
  if (place !== undefined) places.set(place, (places.get(place) ?? 0) + by)
}
