/** The Service that a ScaledObject scales: as it is now, taken over, and written to. */
import type { ResourceController, ResourceEditor, ResourceReader } from '../../api/api.ts'
import { isNsctlError } from '../../core/errors.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { Instance, Route, Service } from '../../resources/generated/types.ts'
import type { ObjectRef } from '../../resources/object.ts'

export type TargetApi = Pick<ResourceEditor, 'scale'> &
  Pick<ResourceController, 'takeFields'> &
  Pick<ResourceReader, 'get'>

export interface TargetOptions {
  readonly api: TargetApi
  readonly cache: ObjectCache
  /** Of the ScaledObject. */
  readonly owner: { readonly namespace: string; readonly name: string }
}

/** What a ScaledObject owns of its Service. */
const FIELD = 'spec.replicas'

/** `scaledobject/web`: whose field it is, and who is said to have scaled. */
export function managerName(name: string): string {
  return `scaledobject/${name}`
}

export class Target {
  /** The Service's. */
  readonly name: string
  readonly #options: TargetOptions
  readonly #ref: ObjectRef
  /** As this process wrote or read it, for as long as the cache is behind. */
  #newest: Service | undefined
  /** The uid of the Service that was taken over already. */
  #taken: string | undefined

  constructor(name: string, options: TargetOptions) {
    this.name = name
    this.#options = options
    this.#ref = { kind: 'Service', namespace: options.owner.namespace, name }
  }

  /** Undefined where there is none, and where it is being deleted. */
  service(): Service | undefined {
    const cached = this.#options.cache.get<Service>(this.#ref)
    const newest = isBehind(cached, this.#newest) ? this.#newest : cached
    if (newest === cached) this.#newest = undefined
    return newest?.metadata.deletionTimestamp === undefined ? newest : undefined
  }

  instances({ metadata }: Service): readonly Instance[] {
    const owned = this.#options.cache.byOwner(metadata.uid ?? '')
    return owned.filter(({ kind }) => kind === 'Instance') as unknown as readonly Instance[]
  }

  /** The nodes whose load balancers lead requests to it, and say so; empty where none does. */
  edges({ metadata }: Service): string {
    const routes = this.#options.cache.byOwner(metadata.uid ?? '').filter(({ kind }) => kind === 'Route')
    const telling = (routes as unknown as readonly Route[]).filter(({ spec }) => spec.scaled === true)
    return telling
      .map(({ spec }) => spec.node)
      .sort()
      .join(', ')
  }

  /** From now on applying a manifest leaves the number alone. */
  async take({ metadata: { uid = '', managedFields } }: Service): Promise<void> {
    const manager = managerName(this.#options.owner.name)
    if (this.#taken === uid || managedFields?.some((one) => one.manager === manager)) return
    await this.#options.api.takeFields(this.#ref, manager, [FIELD])
    this.#taken = uid
  }

  /**
   * Writes the number, where it still is the one that it was decided from.
   *
   * @returns `moved` where somebody else has changed it: then `service` tells what it is now. `gone` where there is no such Service any more
   */
  async scale(service: Service, to: number): Promise<'scaled' | 'moved' | 'gone'> {
    const { api, owner } = this.#options
    const actor = { name: managerName(owner.name), from: 'controller scaledobject' }
    try {
      const expectCurrent = service.spec.replicas
      const { object } = await api.scale(this.#ref, to, { actor, expectCurrent })
      this.#newest = object as unknown as Service
      return 'scaled'
    } catch (error) {
      if (isNsctlError(error, 'NotFound', 'Terminating')) return 'gone'
      if (!isNsctlError(error, 'Conflict')) throw error
      this.#newest = await api.get<Service>(this.#ref)
      return 'moved'
    }
  }
}

/** An older state of the same Service; one that was made anew is no older. */
function isBehind(cached: Service | undefined, newest: Service | undefined): boolean {
  if (cached === undefined || newest === undefined || cached.metadata.uid !== newest.metadata.uid)
    return false
  return (cached.metadata.generation ?? 0) < (newest.metadata.generation ?? 0)
}
