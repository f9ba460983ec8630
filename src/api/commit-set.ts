/**
 * Committing the plans of a set. Many objects share a transaction: it has one audit record and one revision of the store, and
 * costs a fraction of what as many transactions do. Where somebody else was faster with one of them, each is committed
 * by itself, so that no object waits for another but those that exchange what only one may have.
 */
import { NsctlError } from '../core/errors.ts'
import { DEFAULT_NAMESPACE } from '../resources/object.ts'
import type { CommitResult, Operation, Transaction } from '../store/store.ts'
import type { Actor, ChangeResult, Manifest } from './api.ts'
import { auditOperation } from './audit.ts'
import { inClaimOrder, joinClaims } from './claim-set.ts'
import { withResourceVersion } from './codec.ts'
import { type Context, commit } from './context.ts'
import type { Target } from './keys.ts'
import type { Admissions } from './object-quotas.ts'
import type { Plan, SetMode, Situation } from './plan.ts'
import { retention } from './record.ts'

/** How many objects share a transaction: the audit record that names them all stays far below what a store takes. */
const OBJECTS_AT_ONCE = 100
const NONE: readonly Operation[] = []
/** What an object adds to the audit record, about: its names are at most 253 characters each. */
const AUDIT_BYTES = 640

export interface SetCommit {
  readonly plans: readonly Plan[]
  readonly situation: Situation
  readonly actor: Actor
  readonly mode: SetMode
  /** Moves the quotas that count what is made. */
  readonly admissions: Admissions
  /** What goes before all else: the namespace that the set needs and nobody has made. */
  readonly first: readonly Transaction[]
}

/**
 * Commits everything, what others stand on first, and puts what came of it into `results`. Returns the documents that
 * lost to somebody else.
 */
export async function commitSet(
  context: Context,
  set: SetCommit,
  results: Map<Manifest, ChangeResult>,
): Promise<ReadonlySet<Manifest>> {
  const writing: Plan[] = []
  for (const plan of set.plans.toSorted((a, b) => rank(a.target) - rank(b.target)))
    if (plan.operations.length > 0) writing.push(plan)
    else results.set(plan.manifest, plan.result)
  const pruning = await pruningOf(context, writing)
  // what the set itself changes is as the set has it
  const redefined = writing.filter(changesDefinition).map(({ operations: [put] }) => put?.key ?? '')
  const transactionOf = (group: Group) => transaction(context, set, group.flat(), { pruning, redefined })
  const settle = async (groups: readonly Group[], first: readonly Transaction[]) => {
    const outcomes = await commitGroups(context, set, groups, { first, transactionOf })
    const lost: Together[] = []
    for (const [index, group] of groups.entries()) {
      const outcome = outcomes[index]!
      if (outcome.kind === 'conflict') lost.push(...group)
      else for (const plan of group.flat()) results.set(plan.manifest, stored(plan, outcome.revision))
    }
    return lost
  }
  const lost = await settle(
    groupsOf(context, inClaimOrder(writing), { pruning, beside: set.admissions.most }),
    set.first,
  )
  const alone =
    lost.length > 1
      ? await settle(
          lost.map((plans) => [plans]),
          [],
        )
      : lost
  return new Set(alone.flat().map(({ manifest }) => manifest))
}

/** All at once, unless they move a quota: then each goes by what the one before has left of it. */
async function commitGroups(
  context: Context,
  { admissions }: SetCommit,
  groups: readonly Group[],
  {
    first,
    transactionOf,
  }: { readonly first: readonly Transaction[]; readonly transactionOf: (group: Group) => Transaction },
): Promise<readonly CommitResult[]> {
  if (!groups.some((group) => admissions.operations(group.flat()).length > 0))
    return (await commit(context, [...first, ...groups.map(transactionOf)])).slice(first.length)
  const outcomes: CommitResult[] = []
  if (first.length > 0) await commit(context, first)
  for (const group of groups) {
    const [outcome] = (await commit(context, [transactionOf(group)])) as readonly [CommitResult]
    if (outcome.kind === 'committed') admissions.committed(group.flat(), outcome.revision)
    outcomes.push(outcome)
  }
  return outcomes
}

/** Plans that are committed at once or not at all: all but a ring of claims is one by itself. */
type Together = readonly Plan[]
/** What shares a transaction. */
type Group = readonly Together[]

/** In order, as many at a time as a transaction may hold beside its fence and its audit record, by number and by size. */
function groupsOf(
  { store, fence }: Context,
  all: readonly Together[],
  {
    pruning,
    beside,
  }: { readonly pruning: ReadonlyMap<Plan, readonly Operation[]>; readonly beside: Admissions['most'] },
): readonly Group[] {
  const room = (store.maxOperations ?? Number.POSITIVE_INFINITY) - fence.length - 1 - beside.operations
  const roomBytes = (store.maxTransactionBytes ?? Number.POSITIVE_INFINITY) - beside.bytes
  const isBounded = roomBytes !== Number.POSITIVE_INFINITY
  const groups: Together[][] = []
  let objects = 0
  let left = 0
  let leftBytes = 0
  for (const plans of all) {
    // in a ring each gives up what another takes, which is one operation
    let count = plans.length > 1 ? -plans.length : 0
    let bytes = 0
    for (const plan of plans) {
      const pruned = pruning.get(plan) ?? NONE
      count += plan.operations.length + pruned.length
      if (isBounded) bytes += bytesOf(plan.operations) + bytesOf(pruned) + AUDIT_BYTES
    }
    if (plans.length > 1 && (count > room || bytes > roomBytes)) throw noRoom(plans)
    const fits = groups.length > 0 && objects < OBJECTS_AT_ONCE && count <= left && bytes <= leftBytes
    if (!fits) {
      ;[objects, left, leftBytes] = [0, room, roomBytes]
      groups.push([])
    }
    groups.at(-1)!.push(plans)
    objects += plans.length
    left -= count
    leftBytes -= bytes
  }
  return groups
}

function noRoom(plans: Together): NsctlError {
  const [first] = plans as readonly [Plan, ...Plan[]]
  const { kind, name } = first.target
  return new NsctlError(
    'TooLarge',
    `${plans.length} ${kind.plural}, ${kind.singular}/${name} among them, take what the next one has in a ring: more than this store commits at once`,
    {
      value: name,
      next: `apply ${kind.singular}/${name} alone with a target that is free, then all of them`,
    },
  )
}

function bytesOf(operations: readonly Operation[]): number {
  let bytes = 0
  for (const operation of operations) {
    bytes += Buffer.byteLength(operation.key)
    if (operation.kind === 'put') bytes += Buffer.byteLength(operation.value)
  }
  return bytes
}

interface Beside {
  readonly pruning: ReadonlyMap<Plan, readonly Operation[]>
  /** Keys of definitions that the set changes: they are not checked to be what they were. */
  readonly redefined: readonly string[]
}

function transaction(
  context: Context,
  set: SetCommit,
  plans: readonly Plan[],
  { pruning, redefined }: Beside,
): Transaction {
  const operations: Operation[] = []
  const checked = new Set(redefined)
  const changed: Plan[] = []
  for (const plan of plans) {
    for (let at = 0; at < plan.operations.length; at++) {
      const operation = plan.operations[at]!
      // objects of one namespace all check that it stays
      if (operation.kind === 'check') {
        if (checked.has(operation.key)) continue
        checked.add(operation.key)
      }
      operations.push(operation)
    }
    const pruned = pruning.get(plan)
    if (pruned !== undefined) operations.push(...pruned)
    if (plan.recorded.changed) changed.push(plan)
  }
  if (changed.length > 0) {
    const audited = changed.map(({ target, recorded }) => ({
      target,
      revision: recorded.object.metadata.revision,
    }))
    operations.push(auditOperation(context, set.actor, set.mode, audited))
  }
  operations.push(...set.admissions.operations(plans))
  return joinClaims(plans, operations, set.situation.entry)
}

function changesDefinition({ target }: Plan): boolean {
  return target.kind.kind === 'CustomResourceDefinition'
}

/** What is new has no old revisions, and most sets are new or unchanged: only the others are asked for theirs. */
async function pruningOf(
  context: Context,
  plans: readonly Plan[],
): Promise<ReadonlyMap<Plan, readonly Operation[]>> {
  const pruning = new Map<Plan, readonly Operation[]>()
  const revised = plans.filter(({ isNew, recorded }) => !isNew && recorded.revised)
  await Promise.all(
    revised.map(async (plan) => pruning.set(plan, await retention(context, plan.target, plan.recorded))),
  )
  return pruning
}

function stored({ result, recorded }: Plan, revision: number): ChangeResult {
  return recorded.changed ? { ...result, object: withResourceVersion(result.object, revision) } : result
}

/** Namespaces first, then kinds, then what lives in them. */
function rank({ kind }: Target): number {
  if (kind.kind === 'Namespace') return 0
  return kind.kind === 'CustomResourceDefinition' ? 1 : 2
}

/** True where the set makes something in the default namespace, which is there without anybody making it. */
export function wantsDefaultNamespace(plans: readonly Plan[], situation: Situation): boolean {
  return (
    situation.namespace(DEFAULT_NAMESPACE) === undefined &&
    !situation.made.has(DEFAULT_NAMESPACE) &&
    plans.some(({ target, isNew }) => isNew && target.namespace === DEFAULT_NAMESPACE)
  )
}
