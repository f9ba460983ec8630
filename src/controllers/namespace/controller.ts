/**
 * Ends what lives in a scope that is being deleted: the objects of a Namespace, and those of a kind whose
 * CustomResourceDefinition goes. Storage stays: Volumes are left, and found again by a service of the same name.
 */
import type { ResourceController, ResourceReader } from '../../api/api.ts'
import { FINALIZERS } from '../../api/api.ts'
import { deepEqual } from '../../core/json.ts'
import { formatCount } from '../../core/words.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import { type ControllerSpec, ownKey } from '../../engine/controller.ts'
import { requestDeletes } from '../../engine/deletion.ts'
import { type Outcome, recheck, settled } from '../../engine/reconciler.ts'
import type { Namespace } from '../../resources/generated/types.ts'
import type { Kind } from '../../resources/kinds.ts'
import type { AnyResource, ObjectRef } from '../../resources/object.ts'

export type NamespaceApi = Pick<ResourceController, 'requestDelete' | 'removeFinalizer' | 'updateStatus'> &
  Pick<ResourceReader, 'kinds' | 'list' | 'refreshKinds'>

export interface NamespaceControllerOptions {
  readonly cache: ObjectCache
  readonly api: NamespaceApi
}

/** Kinds that a namespace's end does not end: data is kept, events expire by themselves. */
const OUTLIVES: ReadonlySet<string> = new Set(['Volume', 'Event'])
/** Users' kinds are not watched, so what is left of them is counted now and then. */
const RECHECK_MS = 500

/** For Namespaces and CustomResourceDefinitions: their objects end first, then the finalizer `children` goes. */
export function namespaceController(options: NamespaceControllerOptions): ControllerSpec {
  return {
    name: 'namespace',
    watches: [
      { kind: 'Namespace', toKeys: ownKey },
      { kind: 'CustomResourceDefinition', toKeys: ownKey },
    ],
    reconciler: new NamespaceReconciler(options),
  }
}

class NamespaceReconciler {
  readonly #cache: ObjectCache
  readonly #api: NamespaceApi

  constructor({ cache, api }: NamespaceControllerOptions) {
    this.#cache = cache
    this.#api = api
  }

  async reconcile(ref: ObjectRef): Promise<Outcome> {
    const object = this.#cache.get(ref)
    if (object === undefined) return settled
    if (object.metadata.deletionTimestamp === undefined) return await this.#activate(ref, object)
    const rest =
      ref.kind === 'Namespace' ? await this.#inNamespace(ref.name) : await this.#ofDefinition(object)
    await this.#end(rest)
    if (rest.length === 0) {
      if (ref.kind === 'Namespace' && (await this.#purge(ref, object)))
        return recheck(RECHECK_MS, 'data is being removed')
      await this.#api.removeFinalizer({ ...ref, uid: object.metadata.uid }, FINALIZERS.children)
      return settled
    }
    const remaining = formatCount(rest.length, 'object')
    if (ref.kind === 'Namespace') await this.#writeStatus(ref, object, { phase: 'Terminating', remaining })
    return recheck(RECHECK_MS, `${remaining} left`)
  }

  /** With --purge the data goes last. True while some is left. */
  async #purge(ref: ObjectRef, object: AnyResource): Promise<boolean> {
    if (!object.metadata.finalizers?.includes(FINALIZERS.purge)) return false
    const { items } = await this.#api.list(this.#api.kinds.byKind('Volume'), { namespace: ref.name })
    await this.#end(items)
    if (items.length === 0)
      await this.#api.removeFinalizer({ ...ref, uid: object.metadata.uid }, FINALIZERS.purge)
    return items.length > 0
  }

  /** What others own goes with them. */
  async #end(objects: readonly AnyResource[]): Promise<void> {
    const unowned = objects.filter(({ metadata }) => metadata.ownerReferences === undefined)
    await requestDeletes(this.#api, unowned)
  }

  async #activate(ref: ObjectRef, object: AnyResource): Promise<Outcome> {
    if (ref.kind === 'Namespace') await this.#writeStatus(ref, object, { phase: 'Active' })
    return settled
  }

  async #writeStatus(
    ref: ObjectRef,
    object: AnyResource,
    status: Readonly<Record<string, string>>,
  ): Promise<void> {
    const namespace = object as unknown as Namespace
    if (deepEqual(namespace.status, status)) return
    await this.#api.updateStatus({ ...ref, uid: object.metadata.uid }, status)
  }

  async #inNamespace(name: string): Promise<readonly AnyResource[]> {
    await this.#api.refreshKinds()
    const kinds = this.#api.kinds
      .all()
      .filter((kind) => kind.scope === 'Namespaced' && !OUTLIVES.has(kind.kind))
    const lists = await Promise.all(kinds.map((kind) => this.#api.list(kind, { namespace: name })))
    return lists.flatMap((list) => list.items)
  }

  async #ofDefinition(definition: AnyResource): Promise<readonly AnyResource[]> {
    await this.#api.refreshKinds()
    const kind = this.#kindOf(definition)
    return kind === undefined ? [] : (await this.#api.list(kind)).items
  }

  #kindOf(definition: AnyResource): Kind | undefined {
    return this.#api.kinds.byName(definition.metadata.name)
  }
}
