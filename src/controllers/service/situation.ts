/** What a reconcile has read of one Service. */
import { deepEqual } from '../../core/json.ts'
import { isBusy } from '../../resources/busy.ts'
import type { Instance, Service } from '../../resources/generated/types.ts'
import type { Material } from '../../resources/materials.ts'
import { resolveCount } from '../../resources/service/counts.ts'
import { isExclusive, type ResolvedTemplate } from './instances.ts'
import { planHeld, planInstances } from './plan.ts'
import type { MaterialView } from './plan-materials.ts'
import { type Places, planNodes, planNodesHeld } from './plan-nodes.ts'
import type { TemplateCounts } from './rollout/progress.ts'
import type { Split } from './split.ts'
import type { Standing } from './standing.ts'
import type { InstanceAction } from './views.ts'

export interface Situation {
  readonly service: Service
  /** All instances, those that are ending included, but for those that are lost. */
  readonly instances: readonly Instance[]
  /** Those that are not ending. */
  readonly live: readonly Instance[]
  /** On nodes that are lost: they count as gone. */
  readonly lost: readonly Instance[]
  readonly standing: (instance: Instance) => Standing
  readonly isAvailable: (instance: Instance) => boolean
  /** Where it has one instance on each node: which. */
  readonly places?: Places
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

/** How many there are of the wanted template, and of the last good one. */
export function countTemplates({ live, isAvailable, service }: Situation, hash: string): TemplateCounts {
  const fresh = live.filter((one) => one.spec.templateHash === hash)
  const rest = live.filter((one) => one.spec.templateHash === service.status?.stableHash)
  return {
    fresh: fresh.length,
    freshAvailable: fresh.filter(isAvailable).length,
    rest: rest.length,
    restAvailable: rest.filter(isAvailable).length,
  }
}

export interface Intent {
  /** The template that all instances are to have in the end. */
  readonly target: ResolvedTemplate
  /** The last good one, where both are to run now. */
  readonly base: ResolvedTemplate | undefined
  readonly split: Split | undefined
  /** The template cannot be started at all. */
  readonly held: boolean
}

/** The plan for this situation. */
export function planFor(
  situation: Situation,
  { target, base, split, held }: Intent,
): readonly InstanceAction[] {
  const { spec } = situation.service
  const maxUnavailable = resolveCount(spec.update.maxUnavailable, spec.replicas, 'down')
  const maxSurge = resolveCount(spec.update.maxSurge, spec.replicas, 'up')
  const desired = {
    replicas: spec.replicas,
    hash: target.hash,
    strategy: spec.update.strategy === 'Recreate' ? ('Recreate' as const) : ('Rolling' as const),
    // percentages of few instances can both come to nothing; then nothing could ever move
    maxUnavailable: maxUnavailable === 0 && maxSurge === 0 ? 1 : maxUnavailable,
    maxSurge,
    maxDisrupted: spec.disruption && resolveCount(spec.disruption.maxUnavailable, spec.replicas, 'down'),
    exclusive: isAnyExclusive(situation, target) || (base !== undefined && isAnyExclusive(situation, base)),
    split,
  }
  const { places } = situation
  const observed = [...situation.instances, ...situation.lost].map((one) => ({
    ...situation.standing(one),
    name: one.metadata.name,
    hash: one.spec.templateHash,
    ordinal: one.spec.ordinal,
    attempt: one.spec.attempt,
    deleting: one.metadata.deletionTimestamp !== undefined,
    ready: one.status?.ready === true,
    available: situation.isAvailable(one),
    busy: isBusy(one),
    node: one.spec.node,
    crowd: spec.placement?.strategy === 'pack' ? undefined : one.spec.node,
  }))
  if (places !== undefined)
    return held ? planNodesHeld(places, observed) : planNodes(desired, places, observed)
  if (!held) return planInstances(desired, observed)
  // where both templates are to run side by side, neither is too many
  const replicas = Math.max(desired.replicas, (split?.fresh ?? 0) + (split?.rest ?? 0))
  return planHeld({ ...desired, replicas }, observed)
}

function isAnyExclusive({ instances, service }: Situation, template: ResolvedTemplate): boolean {
  return (
    service.spec.unique === true || isExclusive(template) || instances.some((one) => isExclusive(one.spec))
  )
}

/** Whether instances end before those that follow them are there. */
export function stopsFirst(situation: Situation, target: ResolvedTemplate): boolean {
  return situation.service.spec.update.strategy === 'Recreate' || isAnyExclusive(situation, target)
}
