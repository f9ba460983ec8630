/** What a Service still waits for of those that it depends on. Pure. */
import { findCondition } from '../../resources/conditions.ts'
import type { Service } from '../../resources/generated/types.ts'
import {
  cycleText,
  dependenciesOf,
  findCycle,
  nameOfService,
  shortName,
} from '../../resources/service/dependencies.ts'
import type { Progress } from './rollout/progress.ts'

/** Finds a Service by its name, `shop/db`. */
export type ServiceOf = (name: string) => Service | undefined

/** What it waits for, in words; undefined where it need not wait. */
export function unmetDependencies(service: Service, serviceOf: ServiceOf): string | undefined {
  const unmet = dependenciesOf(service).flatMap((name) => {
    const found = serviceOf(name)
    if (found !== undefined && isReady(found)) return []
    const short = shortName(name, service.metadata.namespace)
    return [`service/${short}${found === undefined ? ', which is not there' : ''}`]
  })
  if (unmet.length === 0) return undefined
  return `waits for ${unmet.join(', ')}`
}

/** The circle that it waits in for ever; undefined where there is none. */
export function waitCycle(service: Service, serviceOf: ServiceOf): string | undefined {
  const cycle = findCycle(nameOfService(service), (name) => {
    const found = serviceOf(name)
    return found === undefined ? [] : dependenciesOf(found)
  })
  return cycle && `waits for itself: ${cycleText(cycle)}`
}

/** As it is now, and not as it was before it was changed last. */
export function isReady({ status, metadata }: Service): boolean {
  return (
    status?.observedGeneration === metadata.generation &&
    findCondition(status?.conditions, 'Ready')?.status === 'True'
  )
}

/**
 * A change that has not begun does not begin while something is waited for: what is to be started gets the last good template
 * meanwhile. One that has begun goes on, whatever becomes of what it waited for.
 */
export function waitingProgress(
  progress: Progress,
  { stableHash, replicas }: { readonly stableHash: string | undefined; readonly replicas: number },
  wait: { readonly message: string; readonly cycle: string | undefined },
): Progress {
  const { message, cycle } = wait
  const trouble = cycle && ({ reason: 'DependencyCycle', message: cycle } as const)
  const note = { reason: 'WaitingForDependencies', message, ...(trouble && { trouble }) } as const
  // steps are gone from the first once it begins
  const state = progress.state && { hash: progress.state.hash, revision: progress.state.revision }
  const held = { ...progress, state, finished: false, note }
  if (stableHash === undefined) return { ...held, split: undefined, held: true }
  return { ...held, split: { baseHash: stableHash, fresh: 0, rest: replicas, keepsOthers: true } }
}
