/** Reads of the cache what a Service has, and what its nodes mean for it. */
import type { ObjectCache, ObjectIndex } from '../../engine/cache.ts'
import { standings } from '../../placement/daemons.ts'
import type { Instance, Node, Service, Volume } from '../../resources/generated/types.ts'
import type { AnyResource } from '../../resources/object.ts'
import { Numbers } from './numbers.ts'
import { countPlaces, type Places } from './plan-nodes.ts'
import type { Situation } from './situation.ts'
import { type Standing, standingOf } from './standing.ts'
import type { Timekeeper } from './timekeeper.ts'

export class Surroundings {
  readonly #cache: ObjectCache
  readonly #times: Timekeeper
  readonly #numbers = new Numbers()
  readonly #volumes: ObjectIndex

  /** @param cache of a manager that does not run yet */
  constructor(cache: ObjectCache, times: Timekeeper) {
    this.#cache = cache
    this.#times = times
    this.#volumes = cache.index('Volume', (one) => [serviceKeyOf(one)])
  }

  situationOf(stored: Service): Situation {
    const owned = this.#cache.byOwner(stored.metadata.uid ?? '')
    const all = owned.filter((one) => one.kind === 'Instance') as unknown as readonly Instance[]
    const known = new Map(all.map((one) => [one, standingOf(one, this.#nodeOf(one), stored)]))
    const standing = (one: Instance) => known.get(one) as Standing
    const instances = all.filter((one) => !standing(one).lost)
    const lost = all.filter((one) => standing(one).lost)
    const places = this.#placesOf(stored)
    const service = places === undefined ? stored : this.#numbered(stored, places, instances)
    const live = instances.filter((one) => one.metadata.deletionTimestamp === undefined)
    const isAvailable = (one: Instance) => !standing(one).silent && this.#times.isAvailable(service, one)
    const available = new Set(instances.filter(isAvailable))
    const found = { service, instances, live, lost, standing }
    return { ...found, isAvailable: (one) => available.has(one), ...(places === undefined ? {} : { places }) }
  }

  volumesOf({ metadata }: Service): readonly Volume[] {
    return this.#volumes.get<Volume>(`${metadata.namespace}/${metadata.name}`)
  }

  #numbered(service: Service, places: Places, instances: readonly Instance[]): Service {
    const there = instances.map(({ spec }) => spec)
    return this.#numbers.with(service, countPlaces(places, there))
  }

  #nodeOf({ spec }: Instance): Node | undefined {
    return this.#cache.get<Node>({ kind: 'Node', name: spec.node })
  }

  /** Where it has one instance on each node: which. */
  #placesOf(service: Service): Places | undefined {
    const { placement, storage = [] } = service.spec
    if (placement?.strategy !== 'perNode') return undefined
    const mounted = new Set(storage.map(({ name }) => name))
    const data = this.volumesOf(service).filter(({ spec }) => mounted.has(spec.volume))
    return {
      standings: standings(this.#cache.list<Node>('Node'), placement),
      ordinals: new Map(data.map(({ spec }) => [spec.node, spec.ordinal])),
    }
  }
}

/** Of a Volume: `default/web`. */
function serviceKeyOf(object: AnyResource): string {
  const { metadata, spec } = object as unknown as Volume
  return `${metadata.namespace}/${spec.service}`
}
