/**
 * Garbage collection: what is owned goes with its owner, children first. An owner that is being deleted keeps the finalizer
 * `children` until nothing names it as its owner any more; an object whose owner is gone goes too. Also takes the
 * finalizer of a node's objects (Instances, Volumes) off once the node's agent says that their end has come.
 */
import type { ResourceController, ResourceReader } from '../../api/api.ts'
import { FINALIZERS } from '../../api/api.ts'
import { seenRef } from '../../api/seen.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import { type ControllerSpec, ownKey } from '../../engine/controller.ts'
import { requestDeletes } from '../../engine/deletion.ts'
import { type Outcome, settled } from '../../engine/reconciler.ts'
import type { AnyResource, ObjectRef, OwnerReference } from '../../resources/object.ts'

export type GarbageApi = Pick<ResourceController, 'requestDelete' | 'removeFinalizer'> &
  Pick<ResourceReader, 'get'>

export interface GarbageControllerOptions {
  readonly cache: ObjectCache
  readonly api: GarbageApi
}

/** Phases by which an agent says that an object has come to its end, and the finalizer that waits for each. */
const ENDINGS: Readonly<Record<string, { readonly phase: string; readonly finalizer: string }>> = {
  Instance: { phase: 'Stopped', finalizer: FINALIZERS.runtime },
  Volume: { phase: 'Purged', finalizer: FINALIZERS.data },
}

/** What owns, and what is owned. */
const WATCHED: readonly string[] = ['Service', 'ScaledJob', 'Job', 'Instance', 'Volume', 'Route']

/** Deletes what has lost its owner, and takes finalizers off what has come to its end. What seems to have no owner is looked up in the store first. */
export function garbageController(options: GarbageControllerOptions): ControllerSpec {
  const { cache } = options
  const withOwnersAndChildren = (object: AnyResource): readonly ObjectRef[] => [
    ...ownKey(object),
    ...(object.metadata.ownerReferences ?? []).map((owner) => ownerRef(object, owner)),
    ...cache.byOwner(object.metadata.uid ?? '').flatMap(ownKey),
  ]
  return {
    name: 'garbage',
    watches: WATCHED.map((kind) => ({ kind, toKeys: withOwnersAndChildren })),
    reconciler: new GarbageReconciler(options),
    concurrency: 64,
  }
}

function ownerRef(object: AnyResource, owner: OwnerReference): ObjectRef {
  return { kind: owner.kind, namespace: object.metadata.namespace, name: owner.name }
}

class GarbageReconciler {
  readonly #cache: ObjectCache
  readonly #api: GarbageApi

  constructor({ cache, api }: GarbageControllerOptions) {
    this.#cache = cache
    this.#api = api
  }

  async reconcile(ref: ObjectRef): Promise<Outcome> {
    const object = this.#cache.get(ref)
    if (object === undefined) return settled
    if (object.metadata.deletionTimestamp === undefined) {
      if (await this.#isOrphan(object)) await this.#api.requestDelete(seenRef(object, ref))
      return settled
    }
    await this.#endChildren(ref, object)
    const ending = ENDINGS[ref.kind]
    const phase = (object.status as { readonly phase?: string } | undefined)?.phase
    if (ending !== undefined && phase === ending.phase) {
      await this.#api.removeFinalizer(seenRef(object, ref), ending.finalizer)
    }
    return settled
  }

  async #endChildren(ref: ObjectRef, object: AnyResource): Promise<void> {
    if (!object.metadata.finalizers?.includes(FINALIZERS.children)) return
    const children = this.#cache.byOwner(object.metadata.uid ?? '')
    await requestDeletes(this.#api, children)
    if (children.length === 0) await this.#api.removeFinalizer(seenRef(object, ref), FINALIZERS.children)
  }

  /** Asks the store itself before it says yes: the cache may be behind. */
  async #isOrphan(object: AnyResource): Promise<boolean> {
    const owners = object.metadata.ownerReferences ?? []
    if (owners.length === 0) return false
    for (const owner of owners) {
      const ref = ownerRef(object, owner)
      if (this.#isSame(this.#fromCache(ref), owner)) return false
      if (this.#isSame(await this.#api.get(ref), owner)) return false
    }
    return true
  }

  /** Kinds that this controller does not watch are asked of the store. */
  #fromCache(ref: ObjectRef): AnyResource | undefined {
    return WATCHED.includes(ref.kind) ? this.#cache.get(ref) : undefined
  }

  #isSame(found: AnyResource | undefined, owner: OwnerReference): boolean {
    return found !== undefined && found.metadata.uid === owner.uid
  }
}
