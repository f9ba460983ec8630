/** The agent's Delivery controller: says of each whether this node could open it. */
import type { ResourceController } from '../../api/api.ts'
import { seenRef } from '../../api/seen.ts'
import { isNsctlError } from '../../core/errors.ts'
import { deepEqual } from '../../core/json.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import { type ControllerSpec, ownKey } from '../../engine/controller.ts'
import { type Outcome, recheck, settled } from '../../engine/reconciler.ts'
import type { Delivery, DeliveryStatus } from '../../resources/generated/types.ts'
import type { ObjectRef } from '../../resources/object.ts'
import { type Deliveries, openingFault } from './deliveries.ts'

export interface DeliveryControllerOptions {
  readonly node: string
  readonly cache: ObjectCache
  readonly api: Pick<ResourceController, 'updateStatus'>
  readonly deliveries: Deliveries
}

/** A key that was lost may be put back. */
const RETRY_MS = 30_000

/** For the Deliveries of one node. */
export function deliveryController(options: DeliveryControllerOptions): ControllerSpec {
  return {
    name: 'delivery',
    watches: [{ kind: 'Delivery', toKeys: ownKey }],
    reconciler: { reconcile: (ref) => reconcileDelivery(options, ref) },
  }
}

async function reconcileDelivery(options: DeliveryControllerOptions, ref: ObjectRef): Promise<Outcome> {
  const delivery = options.cache.get<Delivery>(ref)
  if (delivery === undefined || delivery.spec.node !== options.node) return settled
  if (delivery.metadata.deletionTimestamp !== undefined) return settled
  const status = await statusOf(options.deliveries, delivery)
  if (!deepEqual(delivery.status, status))
    await options.api.updateStatus(seenRef(delivery, ref), { ...status })
  return status.phase === 'Opened' ? settled : recheck(RETRY_MS, 'its key may be put back')
}

async function statusOf(deliveries: Deliveries, delivery: Delivery): Promise<DeliveryStatus> {
  try {
    await deliveries.contents(delivery)
    return { phase: 'Opened' }
  } catch (error) {
    if (!isNsctlError(error)) throw error
    return { phase: 'Failed', message: openingFault(delivery, error).message }
  }
}
