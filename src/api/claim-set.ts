/**
 * Claims of a set of documents: what counts is who claims what once all of them are done, so that a Service may go from one to another within a
 * set. Pure.
 */
import type { Entry, Operation } from '../store/store.ts'
import type { Fault } from './admission/faults.ts'
import type { Manifest } from './api.ts'
import { claimFault, claimOf } from './claims.ts'
import { isClaimKey } from './keys.ts'
import type { Plan } from './plan.ts'

type ReadEntry = (key: string) => Entry | undefined

/**
 * The plans that cannot have what they claim, and why: another of the set has it in the end, or whoever has it now keeps it.
 *
 * @param partial the others are carried out: then what one that is refused was to give up is not given up, either
 */
export function claimFaults(
  plans: readonly Plan[],
  entry: ReadEntry,
  partial: boolean,
): ReadonlyMap<Manifest, Fault> {
  const faults = new Map<Manifest, Fault>()
  let left = plans.filter(mayClaim)
  if (left.length === 0) return faults
  for (;;) {
    const refused = refusedOf(left, entry)
    for (const { manifest, fault } of refused) faults.set(manifest, fault)
    if (!partial || refused.length === 0) return faults
    left = left.filter(({ manifest }) => !faults.has(manifest))
  }
}

interface Refused {
  readonly manifest: Manifest
  readonly fault: Fault
}

function refusedOf(plans: readonly Plan[], entry: ReadEntry): readonly Refused[] {
  const winners = new Map<string, string>()
  const released = new Map<string, string>()
  for (const plan of plans) {
    const { name } = plan.target
    const given = releasedBy(plan)
    if (given !== undefined && entry(given)?.value === name) released.set(given, name)
    const key = claimOf(plan.target, plan.recorded.object)
    // who has it comes before all that want it, else the first
    if (key !== undefined && (!winners.has(key) || entry(key)?.value === name)) winners.set(key, name)
  }
  return plans.flatMap(({ manifest, target, recorded }) => {
    const key = claimOf(target, recorded.object)
    if (key === undefined) return []
    const winner = winners.get(key)
    const keeper = recorded.changed && !released.has(key) ? entry(key)?.value : undefined
    const holder = winner === target.name ? keeper : winner
    if (holder === undefined || holder === target.name) return []
    return [{ manifest, fault: claimFault(manifest, target, recorded.object, holder) }]
  })
}

/**
 * `plans`, what gives a claim up before what takes it; those that wait for each other in a ring are together, to be committed at once. In the
 * order given otherwise.
 */
export function inClaimOrder(plans: readonly Plan[]): readonly (readonly Plan[])[] {
  const releasing = new Map<string, Plan>()
  for (const plan of plans) {
    const key = mayClaim(plan) ? releasedBy(plan) : undefined
    if (key !== undefined) releasing.set(key, plan)
  }
  if (releasing.size === 0) return plans.map((plan) => [plan])
  const placed = new Set<Plan>()
  return plans.flatMap((plan) => {
    const chain: Plan[] = []
    let next: Plan | undefined = plan
    while (next !== undefined && !placed.has(next)) {
      placed.add(next)
      chain.unshift(next)
      next = releasing.get(takenBy(next) ?? '')
    }
    // a claim has one holder and one that takes it: who meets itself again has gone round
    return next === plan && chain.length > 0 ? [chain] : chain.map((one) => [one])
  })
}

/** The operations of `plans` as one transaction has them: of what they both give up and take, the taking alone, from whoever has it. */
export function joinClaims(
  plans: readonly Plan[],
  operations: readonly Operation[],
  entry: ReadEntry,
): readonly Operation[] {
  if (!plans.some(mayClaim)) return operations
  const claims = operations.filter(({ key }) => isClaimKey(key))
  const taken = new Set(claims.filter(({ kind }) => kind === 'put').map(({ key }) => key))
  const given = new Set(
    claims.filter(({ kind, key }) => kind === 'delete' && taken.has(key)).map(({ key }) => key),
  )
  if (given.size === 0) return operations
  return operations.flatMap((operation) => {
    if (!given.has(operation.key)) return [operation]
    return operation.kind === 'put' ? [{ ...operation, expect: entry(operation.key)?.revision ?? 0 }] : []
  })
}

/** Most sets have none: theirs are many. */
function mayClaim({ target }: Plan): boolean {
  return target.kind.kind === 'ScaledObject'
}

function releasedBy({ operations }: Plan): string | undefined {
  return operations.find(({ kind, key }) => kind === 'delete' && isClaimKey(key))?.key
}

function takenBy({ operations }: Plan): string | undefined {
  return operations.find(({ kind, key }) => kind === 'put' && isClaimKey(key))?.key
}
