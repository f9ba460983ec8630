/**
 * A Node that is deleted takes what was on it out of the store: its instances, and with --purge the records of its volumes. As long as its
 * agent is heard of that one ends them; where it is not, whoever deleted the Node has said that nothing of it runs any more.
 */
import { FINALIZERS, type ResourceController, type ResourceReader } from '../../api/api.ts'
import { seenRef } from '../../api/seen.ts'
import type { ObjectCache, ObjectIndex } from '../../engine/cache.ts'
import { requestDeletes } from '../../engine/deletion.ts'
import { type Outcome, recheck, settled } from '../../engine/reconciler.ts'
import type { Instance, Node } from '../../resources/generated/types.ts'
import type { AnyResource, ObjectRef } from '../../resources/object.ts'

export interface DeparturesOptions {
  readonly cache: Pick<ObjectCache, 'index'>
  readonly api: Pick<ResourceController, 'requestDelete' | 'removeFinalizer'> & Pick<ResourceReader, 'get'>
}

/** What is waited for that makes no event: whether the agent falls silent. */
const RECHECK_MS = 2_000

export class Departures {
  readonly #api: DeparturesOptions['api']
  readonly #instances: ObjectIndex
  readonly #volumes: ObjectIndex

  constructor({ cache, api }: DeparturesOptions) {
    this.#api = api
    const byNode = (object: AnyResource) => [String(object.spec?.node ?? '')]
    this.#instances = cache.index('Instance', byNode)
    this.#volumes = cache.index('Volume', byNode)
  }

  /** @param isHeard its agent is, and sees to it by itself */
  async depart({ metadata }: Node, isHeard: boolean): Promise<Outcome> {
    const { name, uid, finalizers = [] } = metadata
    const instances = this.#instances.get(name)
    const volumes = finalizers.includes(FINALIZERS.purge) ? this.#volumes.get(name) : []
    await this.#end(instances, FINALIZERS.runtime, isHeard)
    // data is removed only where nothing uses it any more
    if (instances.length > 0) return recheck(RECHECK_MS, 'what runs there has to end')
    await this.#end(volumes, FINALIZERS.data, isHeard)
    if (volumes.length > 0) return recheck(RECHECK_MS, 'its data has to go')
    for (const finalizer of [FINALIZERS.purge, FINALIZERS.node])
      if (finalizers.includes(finalizer))
        await this.#api.removeFinalizer({ kind: 'Node', name, uid }, finalizer)
    return settled
  }

  /** What is on a node that there is not: it came while the Node went. The store is asked first: the cache may be behind. */
  async clear(ref: ObjectRef): Promise<Outcome> {
    const instances = this.#instances.get(ref.name)
    if (instances.length === 0 || (await this.#api.get(ref)) !== undefined) return settled
    await this.#end(instances, FINALIZERS.runtime, false)
    return settled
  }

  /** Runs of Jobs, which draining waits for unless it is forced. */
  async endRuns(name: string): Promise<void> {
    const instances = this.#instances.get<Instance>(name) as readonly Instance[]
    const runs = instances.filter(({ spec }) => spec.job !== undefined)
    await requestDeletes(this.#api, runs as unknown as readonly AnyResource[])
  }

  async #end(objects: readonly AnyResource[], finalizer: string, isHeard: boolean): Promise<void> {
    await requestDeletes(this.#api, objects)
    if (isHeard) return
    await Promise.all(objects.map((one) => this.#api.removeFinalizer(seenRef(one), finalizer)))
  }
}
