/** What a reconcile has read of one Service. */
import type { Instance, Service } from '../../resources/generated/types.ts'
import { isExclusive, type ResolvedTemplate } from './instances.ts'
import { type InstanceAction, planInstances, resolveCount } from './plan.ts'

export interface Situation {
  readonly service: Service
  /** All instances, those that are ending included. */
  readonly instances: readonly Instance[]
  /** Those that are not ending. */
  readonly live: readonly Instance[]
  readonly isAvailable: (instance: Instance) => boolean
}

/** All wanted instances, and no other, have the template and are available; never so where none is wanted. */
export function isComplete({ service, instances, isAvailable }: Situation, hash: string): boolean {
  const wanted = service.spec.replicas
  return (
    wanted > 0 &&
    instances.length === wanted &&
    instances.every((one) => one.spec.templateHash === hash && isAvailable(one))
  )
}

/** The plan for this situation and template. */
export function planFor(situation: Situation, target: ResolvedTemplate): readonly InstanceAction[] {
  const { spec } = situation.service
  const maxUnavailable = resolveCount(spec.update.maxUnavailable, spec.replicas, 'down')
  const maxSurge = resolveCount(spec.update.maxSurge, spec.replicas, 'up')
  const isAnyExclusive = situation.instances.some((one) =>
    isExclusive(one.spec.template, one.spec.storage ?? []),
  )
  return planInstances(
    {
      replicas: spec.replicas,
      hash: target.hash,
      strategy: spec.update.strategy,
      // percentages of few instances can both come to nothing; then nothing could ever move
      maxUnavailable: maxUnavailable === 0 && maxSurge === 0 ? 1 : maxUnavailable,
      maxSurge,
      exclusive: isExclusive(target.template, target.storage) || isAnyExclusive,
    },
    situation.instances.map((one) => ({
      name: one.metadata.name,
      hash: one.spec.templateHash,
      ordinal: one.spec.ordinal,
      attempt: one.spec.attempt,
      deleting: one.metadata.deletionTimestamp !== undefined,
      ready: one.status?.ready === true,
      available: situation.isAvailable(one),
    })),
  )
}
