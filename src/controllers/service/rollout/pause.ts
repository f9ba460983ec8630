/** A change that is paused: what has the new template keeps it, and whatever is to be started gets the last good one. Pure. */
import type { ServiceRollout } from '../../../resources/generated/types.ts'
import type { Progress, RolloutInput } from './progress.ts'

/**
 * Where the number of instances changes meanwhile, both templates get their part of it, as a paused Deployment's ReplicaSets do. What
 * was scaled away is remembered by the share that there was when it was paused.
 */
export function pausedProgress({ spec, before, counts }: RolloutInput, known: ServiceRollout): Progress {
  const { replicas } = spec
  const { heldReplicas = Math.min(counts.fresh, replicas), heldOf = replicas } = known
  const state = { ...known, heldReplicas, heldOf }
  const note = { reason: 'Paused', message: 'paused until nsctl rollout resume' } as const
  const baseHash = before?.stableHash
  if (baseHash === undefined) return { state, split: undefined, held: true, finished: false, note }
  const fresh = heldOf === 0 ? 0 : Math.min(replicas, Math.floor((heldReplicas * replicas) / heldOf))
  const split = { baseHash, fresh, rest: replicas - fresh, keepsOthers: true }
  return { state, split, held: false, finished: false, note }
}
