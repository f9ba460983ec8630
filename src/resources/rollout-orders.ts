/**
 * What people order of a rollout that is under way, by annotations on the Service. An order names the template it is about and the
 * revision at which that was there, so that it does nothing to what comes later.
 */
import { type AnyResource, OWN_PREFIX } from './object.ts'

/** `<hash> r7 2`: step 2 need not be waited for; `<hash> r7 full`: nor any other. */
export const PROMOTE = `${OWN_PREFIX}rollout-promote`
/** `<hash> r7`: back to the last good template. */
export const ABORT = `${OWN_PREFIX}rollout-abort`

/** Which rollout an order is about. */
export interface RolloutId {
  readonly hash: string
  readonly revision: number
}

export interface RolloutOrders {
  /** The step that need not be waited for, counted from 0; `full` for all. */
  readonly promote: number | 'full' | undefined
  readonly abort: boolean
}

export function abortOrder({ hash, revision }: RolloutId): string {
  return `${hash} r${revision}`
}

export function promoteOrder(id: RolloutId, step: number | 'full'): string {
  return `${abortOrder(id)} ${step}`
}

/** What is ordered of this rollout; what an annotation says that is none of ours is no order. */
export function rolloutOrders({ annotations = {} }: AnyResource['metadata'], id: RolloutId): RolloutOrders {
  const promote = orderFor(annotations[PROMOTE], id)
  return {
    promote: promote === 'full' ? 'full' : /^\d{1,4}$/.test(promote ?? '') ? Number(promote) : undefined,
    abort: orderFor(annotations[ABORT], id) !== undefined,
  }
}

/** What follows hash and revision. An earlier revision's order was about an earlier rollout of the same template. */
function orderFor(text: string | undefined, { hash, revision }: RolloutId): string | undefined {
  const [, of, at, rest = ''] = /^(\S+) r(\d{1,15})(?: (\S+))?$/.exec(text ?? '') ?? []
  return of === hash && Number(at) >= revision ? rest : undefined
}
