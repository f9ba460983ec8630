/** What instances are given of Configs and Secrets, as far as the Instance controller is concerned: when to look, and what came of it. */
import type { Clock } from '../../core/clock.ts'
import { deepEqual } from '../../core/json.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { ObjectIndex } from '../../engine/cache-index.ts'
import { ownKey } from '../../engine/controller.ts'
import type { Delivery, Instance } from '../../resources/generated/types.ts'
import { deliveryName } from '../../resources/materials.ts'
import type { AnyResource, ObjectRef } from '../../resources/object.ts'
import type { ObservedProgram, ProgramId } from '../../runtimes/runtime.ts'
import { noBackoff } from '../backoff.ts'
import type { Composition } from '../material/compose.ts'
import type { Materials } from '../material/materials.ts'
import type { InstanceEvent } from './announce.ts'
import type { InstanceRecord, MaterialNote } from './record.ts'
import { materialsChanged, refresh } from './refresh.ts'

export interface GivenOptions {
  readonly node: string
  readonly cache: ObjectCache
  readonly materials: Materials
  readonly clock: Clock
}

export class Given {
  readonly #options: GivenOptions
  /** Instances by the Deliveries that they wait for or have. */
  readonly #byDelivery: ObjectIndex

  constructor(options: GivenOptions) {
    this.#options = options
    this.#byDelivery = options.cache.index('Instance', (object) => deliveryKeys(object, options.node))
  }

  /** The instances that a Delivery is for: it has come, has changed, or can be opened after all. */
  keysFor(object: AnyResource, old?: AnyResource): readonly ObjectRef[] {
    const [delivery, before] = [object, old] as unknown as [Delivery, Delivery | undefined]
    const sameSpec = before !== undefined && deepEqual(before.spec, delivery.spec)
    if (sameSpec && before.status?.phase !== 'Failed') return []
    const { namespace = '', name } = delivery.metadata
    return this.#byDelivery.get(`${namespace}/${name}`).flatMap(ownKey)
  }

  /** With something else than before what failed is tried at once: earlier failures say nothing of it. */
  look(instance: Instance, record: InstanceRecord): void {
    const wanted = instance.spec.materials ?? []
    if (deepEqual(wanted, record.wantedMaterials)) return
    record.wantedMaterials = wanted
    for (const program of record.programs) program.backoff = noBackoff
  }

  /** What its programs get, and on record what is to be said of that; undefined where nothing is to be started or replaced. */
  async compose(
    instance: Instance,
    record: InstanceRecord,
    isStarting: boolean,
  ): Promise<Composition | undefined> {
    if (!isStarting && !materialsChanged(instance, record)) {
      // what was in the way is wanted no more
      if (record.materialNote?.lacking) record.materialNote = undefined
      return undefined
    }
    const composition = await this.#options.materials.compose(instance)
    record.materialNote = noteOf(composition)
    return composition
  }

  /** Gives what runs what has changed. Returns what there is to tell. */
  async refresh(
    instance: Instance,
    record: InstanceRecord,
    composition: Composition,
    observed: ReadonlyMap<string, ObservedProgram>,
  ): Promise<InstanceEvent | undefined> {
    if (!materialsChanged(instance, record)) return undefined
    const { clock, materials } = this.#options
    return await refresh({ instance, record, composition, observed, nowMs: clock.now() }, materials)
  }

  /** Nothing is kept of these programs for the next boot. */
  async forget(ids: readonly ProgramId[]): Promise<void> {
    for (const id of ids) await this.#options.materials.forget(id)
  }

  /** Of all instances of the node what they run with is kept for the next boot, and nothing else. */
  async review(): Promise<void> {
    const { cache, node, materials } = this.#options
    await materials.review(cache.list<Instance>('Instance').filter((one) => one.spec.node === node))
  }
}

/** `default/db-k2p9xq7h3z`: the Deliveries that an instance of this node is given. */
function deliveryKeys(object: AnyResource, node: string): readonly string[] {
  const { spec, metadata } = object as unknown as Instance
  if (spec.materials === undefined || spec.node !== node) return []
  return spec.materials.map((one) => `${metadata.namespace ?? ''}/${deliveryName(one, node)}`)
}

function noteOf(composition: Composition): MaterialNote | undefined {
  if (composition.kind === 'obstacle') {
    const { reason, message } = composition.obstacle
    return { lacking: true, reason, message }
  }
  if (composition.notes.length === 0) return undefined
  return { lacking: false, reason: 'LeftOut', message: composition.notes.join('; ') }
}
