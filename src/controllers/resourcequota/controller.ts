/** The ResourceQuota controller: keeps in status how much of each quota is in use. What holds is not decided by that: see quotas.ts, and the api for counts. */
import type { ResourceController } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import { deepEqual, type Json } from '../../core/json.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import { type ControllerSpec, ownKey, refKey, type Watch } from '../../engine/controller.ts'
import { type Outcome, recheck, settled } from '../../engine/reconciler.ts'
import type { ResourceQuota, ResourceQuotaStatus } from '../../resources/generated/types.ts'
import { type AnyResource, type ObjectRef, refOfObject } from '../../resources/object.ts'
import {
  COUNTED_KINDS,
  countedPlural,
  type InstanceMeasure,
  instanceMeasure,
} from '../../resources/resourcequota/measures.ts'
import type { Quotas } from '../quotas.ts'
import { quotaStatus } from './status.ts'

export interface ResourceQuotaControllerOptions {
  readonly cache: ObjectCache
  readonly api: Pick<ResourceController, 'amendStatus'>
  readonly clock: Pick<Clock, 'monotonic'>
  readonly quotas: Pick<Quotas, 'used'>
}

/** A status is written so often at most: while hundreds of instances come and go it is not to be written for each. */
const WRITE_EVERY_MS = 1_000

export function resourceQuotaController(options: ResourceQuotaControllerOptions): ControllerSpec {
  const { cache } = options
  const inNamespace = ({ metadata: { namespace = '' } }: AnyResource) =>
    cache.list('ResourceQuota', { namespace }).map((one) => refOfObject(one))
  const comesOrGoes = (now: AnyResource, old?: AnyResource) => (old === undefined ? inNamespace(now) : [])
  const counted: readonly Watch[] = Object.values(COUNTED_KINDS).map((kind) => ({
    kind,
    toKeys: comesOrGoes,
  }))
  return {
    name: 'resourcequota',
    watches: [
      { kind: 'ResourceQuota', toKeys: ownKey },
      {
        kind: 'Instance',
        toKeys: (now, old) => (old !== undefined && isOver(now) === isOver(old) ? [] : inNamespace(now)),
      },
      {
        kind: 'Node',
        // what is on a lost node does not count
        toKeys: (now, old) =>
          old !== undefined && deepEqual(readiness(now), readiness(old))
            ? []
            : cache.list('ResourceQuota').map((one) => refOfObject(one)),
      },
      ...counted,
    ],
    reconciler: new ResourceQuotaReconciler(options),
  }
}

class ResourceQuotaReconciler {
  readonly #options: ResourceQuotaControllerOptions
  /** By key: when its status was last written. */
  readonly #written = new Map<string, number>()

  constructor(options: ResourceQuotaControllerOptions) {
    this.#options = options
  }

  async reconcile(ref: ObjectRef): Promise<Outcome> {
    const { cache, api, clock } = this.#options
    const quota = cache.get<ResourceQuota>(ref)
    if (quota === undefined) {
      this.#written.delete(refKey(ref))
      return settled
    }
    const said = quotaStatus(quota, (name) => this.#used(ref.namespace ?? '', name))
    const { admissions: _, ...before } = quota.status ?? {}
    if (deepEqual(said, before)) return settled
    const nowMs = clock.monotonic()
    const dueMs = (this.#written.get(refKey(ref)) ?? Number.NEGATIVE_INFINITY) + WRITE_EVERY_MS
    if (dueMs > nowMs) return recheck(dueMs - nowMs, 'its status was just written')
    this.#written.set(refKey(ref), nowMs)
    await api.amendStatus({ ...ref, ...uidOf(quota) }, (status) => {
      const { admissions } = (status ?? {}) as ResourceQuotaStatus
      return { ...said, ...(admissions !== undefined && { admissions }) } as unknown as Json
    })
    return settled
  }

  #used(namespace: string, name: string): number {
    const measure: InstanceMeasure | undefined = instanceMeasure(name)
    if (measure !== undefined) return this.#options.quotas.used(namespace)[measure]
    const kind = COUNTED_KINDS[countedPlural(name) ?? '']
    return kind === undefined ? 0 : this.#options.cache.list(kind, { namespace }).length
  }
}

function uidOf({ metadata: { uid } }: ResourceQuota): { readonly uid?: string } {
  return uid === undefined ? {} : { uid }
}

function isOver({ spec, status }: AnyResource): boolean {
  return spec?.restartPolicy === 'Never' && (status?.phase === 'Succeeded' || status?.phase === 'Failed')
}

function readiness({ status }: AnyResource): unknown {
  const conditions = (status?.conditions ?? []) as unknown as readonly { readonly type: string }[]
  return [status?.phase, conditions.find(({ type }) => type === 'Ready')]
}
