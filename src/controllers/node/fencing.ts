/**
 * Unique instances of a node that is lost leave the store, which has them replaced, but only behind its fence: its lease has stood still for so
 * long that nothing of them runs, and is made void, so that its agent has to acquire it anew before it starts anything; and they go by
 * writes that are refused once it has. What has storage waits for its node all the same.
 */
import { FINALIZERS, type ResourceApi } from '../../api/api.ts'
import { seenRef } from '../../api/seen.ts'
import { isNsctlError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { ObjectCache, ObjectIndex } from '../../engine/cache.ts'
import { type Outcome, recheck, settled } from '../../engine/reconciler.ts'
import { FENCE_FALLEN_MS } from '../../resources/fencing.ts'
import type { Instance } from '../../resources/generated/types.ts'
import { nodeLease, voidLease } from '../../store/lease.ts'
import type { StoreReader, StoreWriter } from '../../store/store.ts'
import type { Heartbeats } from './heartbeats.ts'
import { SOURCE } from './status.ts'

export interface FencingOptions {
  readonly cache: Pick<ObjectCache, 'index'>
  readonly api: Pick<ResourceApi, 'fenced' | 'recordEvent'>
  readonly store: StoreReader & StoreWriter
  readonly logger: Logger
}

const LOOK_AGAIN_MS = 1_000

export class Fencing {
  readonly #options: FencingOptions
  readonly #instances: ObjectIndex
  readonly #heartbeats: Pick<Heartbeats, 'standing'>

  constructor(options: FencingOptions, heartbeats: Pick<Heartbeats, 'standing'>) {
    this.#options = options
    this.#heartbeats = heartbeats
    this.#instances = options.cache.index('Instance', (object) => {
      const { spec } = object as unknown as Instance
      return isFenced(spec) ? [spec.node] : []
    })
  }

  /** Takes what is unique on `node`, which is lost, out of the store, as soon as that is safe. */
  async fence(node: string): Promise<Outcome> {
    const instances = this.#instances.get<Instance>(node)
    if (instances.length === 0) return settled
    const standing = this.#heartbeats.standing(node)
    if (standing === undefined) return settled
    const leftMs = FENCE_FALLEN_MS - standing.forMs
    if (leftMs > 0) return recheck(leftMs, 'what is unique there may still run')
    const { api, store, logger } = this.#options
    const fence = await voidLease(store, nodeLease(node), standing.sight)
    // its agent was heard of after all, or this was cut off before: the next look sees which
    if (fence === undefined) return recheck(LOOK_AGAIN_MS, 'its lease has changed')
    const fenced = api.fenced(fence)
    for (const instance of instances) {
      const ref = seenRef(instance)
      try {
        await fenced.requestDelete(ref)
        await fenced.removeFinalizer(ref, FINALIZERS.runtime)
      } catch (error) {
        if (!isNsctlError(error, 'Fenced')) throw error
        logger.log('info', `node ${node} is heard of again: what is unique there stays`)
        return settled
      }
      await this.#tell(instance)
    }
    return settled
  }

  #tell({ metadata: { name, namespace, uid }, spec }: Instance): Promise<void> {
    const message = `node/${spec.node} is lost and its lease has run out: ${name} has ended there and may be replaced`
    const about = { kind: 'Instance', namespace, name, uid }
    return this.#options.api.recordEvent({
      ...{ about, type: 'Warning', reason: 'Fenced', message, source: SOURCE },
    })
  }
}

/** It ends with its node's lease, and can run elsewhere. */
export function isFenced({ unique, storage = [] }: Pick<Instance['spec'], 'unique' | 'storage'>): boolean {
  return unique === true && storage.length === 0
}
