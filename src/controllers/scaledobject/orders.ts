/** What is ordered of a ScaledObject. Pure. */
import { deepEqual } from '../../core/json.ts'
import type { ScaledObject } from '../../resources/generated/types.ts'

/** Without its status, of which the cache has a newer one soon. */
export function ordersOf({ status: _, ...orders }: ScaledObject): ScaledObject {
  return orders
}

/** Nothing that is ordered has changed: not the spec, nor what people say by annotations. */
export function sameOrders(
  { metadata: a }: Pick<ScaledObject, 'metadata'>,
  { metadata: b }: Pick<ScaledObject, 'metadata'>,
): boolean {
  return a.uid === b.uid && a.generation === b.generation && deepEqual(a.annotations, b.annotations)
}
