/** What a reconcile has read of one Service. */
import { deepEqual } from '../../core/json.ts'
import { isBusy } from '../../resources/busy.ts'
import type { Instance, Service } from '../../resources/generated/types.ts'
import type { Material } from '../../resources/materials.ts'
import { isExclusive, type ResolvedTemplate } from './instances.ts'
import { type InstanceAction, planHeld, planInstances, resolveCount } from './plan.ts'
import type { MaterialView } from './plan-materials.ts'

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

/** What all instances run with of Configs and Secrets; undefined while one has something else than another, or has not got it yet. */
export function commonMaterials({ instances }: Situation): readonly Material[] | undefined {
  const [first, ...others] = instances
  if (first === undefined || !hasItsMaterials(first)) return undefined
  const { materials = [] } = first.spec
  const same = others.every((one) => hasItsMaterials(one) && deepEqual(one.spec.materials ?? [], materials))
  return same ? materials : undefined
}

/** Instances of this template that are not ending, as what they run with is judged. */
export function materialViews(situation: Situation, target: ResolvedTemplate): readonly MaterialView[] {
  return situation.live
    .filter((one) => one.spec.templateHash === target.hash)
    .map((one) => ({
      name: one.metadata.name,
      ordinal: one.spec.ordinal,
      told: deepEqual(one.spec.materials ?? [], target.materials),
      settled: situation.isAvailable(one) && hasItsMaterials(one),
    }))
}

function hasItsMaterials({ spec, status }: Instance): boolean {
  return deepEqual(spec.materials ?? [], status?.materials ?? [])
}

/** The plan for this situation and template. `held`: the template cannot be started at all. */
export function planFor(
  situation: Situation,
  target: ResolvedTemplate,
  held: boolean,
): readonly InstanceAction[] {
  const { spec } = situation.service
  const maxUnavailable = resolveCount(spec.update.maxUnavailable, spec.replicas, 'down')
  const maxSurge = resolveCount(spec.update.maxSurge, spec.replicas, 'up')
  const desired = {
    replicas: spec.replicas,
    hash: target.hash,
    strategy: spec.update.strategy,
    // percentages of few instances can both come to nothing; then nothing could ever move
    maxUnavailable: maxUnavailable === 0 && maxSurge === 0 ? 1 : maxUnavailable,
    maxSurge,
    exclusive: isAnyExclusive(situation, target),
  }
  const observed = situation.instances.map((one) => ({
    name: one.metadata.name,
    hash: one.spec.templateHash,
    ordinal: one.spec.ordinal,
    attempt: one.spec.attempt,
    deleting: one.metadata.deletionTimestamp !== undefined,
    ready: one.status?.ready === true,
    available: situation.isAvailable(one),
    busy: isBusy(one),
  }))
  return held ? planHeld(desired, observed) : planInstances(desired, observed)
}

function isAnyExclusive({ instances }: Situation, { template, storage }: ResolvedTemplate): boolean {
  return (
    isExclusive(template, storage) ||
    instances.some((one) => isExclusive(one.spec.template, one.spec.storage ?? []))
  )
}

/** Whether instances end before those that follow them are there. */
export function stopsFirst(situation: Situation, target: ResolvedTemplate): boolean {
  return situation.service.spec.update.strategy === 'Recreate' || isAnyExclusive(situation, target)
}
