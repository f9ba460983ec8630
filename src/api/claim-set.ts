/**
 * Claims of a set of documents: what counts is who claims what once all of them are done, so that a Service may go from one to another within a
 * set. Pure.
 */
import type { Entry, Operation } from '../store/store.ts'
import type { Fault } from './admission/faults.ts'
import type { Manifest } from './api.ts'
import { claimFault, claimsOf, holderOf } from './claims.ts'
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
  const released = new Set<string>()
  const wanted = plans.map((plan) => ({ plan, claims: claimsOf(plan.target, plan.recorded.object) }))
  for (const { plan, claims } of wanted) {
    for (const key of releasedBy(plan)) if (entry(key)?.value === holderOf(plan.target)) released.add(key)
    // who has it comes before all that want it, else the first
    for (const { key, holder } of claims)
      if (!winners.has(key) || entry(key)?.value === holder) winners.set(key, holder)
  }
  return wanted.flatMap(({ plan: { manifest, recorded }, claims }) => {
    for (const claim of claims) {
      const { key, holder: own } = claim
      const winner = winners.get(key)
      const keeper = recorded.changed && !released.has(key) ? entry(key)?.value : undefined
      const holder = winner === own ? keeper : winner
      if (holder !== undefined && holder !== own)
        return [{ manifest, fault: claimFault(manifest, claim, holder) }]
    }
    return []
  })
}

/**
 * `plans`, what gives a claim up before what takes it; those that wait for each other in a ring are together, to be committed at once. In the
 * order given otherwise. (Tarjan's strongly connected components, which come out in that order.)
 */
export function inClaimOrder(plans: readonly Plan[]): readonly (readonly Plan[])[] {
  const releasing = new Map<string, Plan>()
  for (const plan of plans) if (mayClaim(plan)) for (const key of releasedBy(plan)) releasing.set(key, plan)
  if (releasing.size === 0) return plans.map((plan) => [plan])
  const groups: (readonly Plan[])[] = []
  const seen = new Map<Plan, number>()
  const open: Plan[] = []
  const closed = new Set<Plan>()
  const visit = (plan: Plan): number => {
    const own = seen.size
    let low = own
    seen.set(plan, own)
    open.push(plan)
    for (const key of takenBy(plan)) {
      const before = releasing.get(key)
      if (before === undefined || closed.has(before)) continue
      low = Math.min(low, seen.get(before) ?? visit(before))
    }
    if (low === own) {
      const group = open.splice(open.indexOf(plan))
      for (const one of group) closed.add(one)
      groups.push(group)
    }
    return low
  }
  for (const plan of plans) if (!seen.has(plan)) visit(plan)
  return groups
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
function mayClaim({ target, recorded, operations }: Plan): boolean {
  if (target.kind.kind === 'ScaledObject') return true
  if (target.kind.kind !== 'Service') return false
  return claimsOf(target, recorded.object).length > 0 || operations.some(({ key }) => isClaimKey(key))
}

function releasedBy({ operations }: Plan): readonly string[] {
  return operations.filter(({ kind, key }) => kind === 'delete' && isClaimKey(key)).map(({ key }) => key)
}

function takenBy({ operations }: Plan): readonly string[] {
  return operations.filter(({ kind, key }) => kind === 'put' && isClaimKey(key)).map(({ key }) => key)
}
