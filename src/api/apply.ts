/** Apply and create: a set of documents, admitted as a whole, merged with what is there, committed object by object. */
import { isNsctlError, messageOf, type NsctlError } from '../core/errors.ts'
import { API_VERSION, DEFAULT_NAMESPACE } from '../resources/object.ts'
import type { Operation, Transaction } from '../store/store.ts'
import { type Admitted, admitSet, definitionsUsed } from './admission/admit.ts'
import { type Fault, faultsError } from './admission/faults.ts'
import type { ApplyOptions, ApplyResult, ChangeResult, FailedManifest, Manifest } from './api.ts'
import { withResourceVersion } from './codec.ts'
import { type Context, commit, MAX_ATTEMPTS, timestamp } from './context.ts'
import { objectKey, type Target } from './keys.ts'
import { type Plan, planDocument, type SetMode, type Situation } from './plan.ts'
import { retention } from './record.ts'

const NOTHING_APPLIED = 'nothing was applied'

/** Applies documents. See `ResourceEditor.apply`. */
export async function applySet(
  context: Context,
  manifests: readonly Manifest[],
  options: ApplyOptions,
  mode: SetMode,
): Promise<ApplyResult> {
  const set = await admitSet(context, manifests, options.namespace)
  const results = new Map<Manifest, ChangeResult>()
  const faults = new Map(set.faults)
  let open = set.admitted
  for (let attempt = 1; attempt === 1 || open.length > 0; attempt++) {
    const situation = await readSituation(context, open, set.admitted)
    if (attempt === 1 && hasStaleKinds(context, open, situation)) {
      await context.kinds.refresh()
      return applySet(context, manifests, options, mode)
    }
    const plans: Plan[] = []
    for (const one of open) {
      const planned = planDocument(context, one, situation, options.actor, mode)
      if (planned.kind === 'plan') plans.push(planned)
      else faults.set(one.candidate.manifest, planned.faults)
    }
    if (faults.size > 0 && options.partial !== true) throw refusal(manifests, faults, results.size)
    if (options.dryRun === true) {
      for (const plan of plans) results.set(plan.manifest, plan.result)
      break
    }
    const conflicts = await commitPlans(context, plans, situation, results)
    open = open.filter(({ candidate }) => conflicts.has(candidate.manifest))
    if (attempt < MAX_ATTEMPTS) continue
    for (const one of open) faults.set(one.candidate.manifest, [contention(one)])
    if (open.length > 0 && options.partial !== true) throw refusal(manifests, faults, results.size)
    break
  }
  if (options.dryRun !== true) await refreshKindsAfter(context, results.values())
  return {
    results: manifests.flatMap((manifest) => results.get(manifest) ?? []),
    failed: failures(manifests, faults),
  }
}

/** Everything that the plans depend on, in one round trip. */
async function readSituation(
  context: Context,
  open: readonly Admitted[],
  all: readonly Admitted[],
): Promise<Situation> {
  const { kinds, store } = context
  const namespaceKind = kinds.byKind('Namespace')
  const namespaceKey = (name: string) => objectKey({ kind: namespaceKind, namespace: undefined, name })
  const keys = new Set<string>()
  const namespaces = new Set<string>()
  for (const { candidate } of open) {
    keys.add(candidate.objectKey).add(candidate.appliedKey)
    if (candidate.target.namespace !== undefined) namespaces.add(candidate.target.namespace)
  }
  for (const name of namespaces) keys.add(namespaceKey(name))
  for (const name of definitionsUsed(context, open).keys()) keys.add(definitionKey(context, name))
  const read = new Map((await store.getMany([...keys])).map((entry) => [entry.key, entry]))
  const made = all.flatMap(({ candidate: { target } }) =>
    target.kind === namespaceKind ? [target.name] : [],
  )
  return {
    entry: (key) => read.get(key),
    namespace: (name) => read.get(namespaceKey(name)),
    made: new Set(made),
  }
}

function definitionKey({ kinds }: Context, name: string): string {
  return objectKey({ kind: kinds.byKind('CustomResourceDefinition'), namespace: undefined, name })
}

/** Another process may have changed a user's kind since this one read it. */
function hasStaleKinds(context: Context, open: readonly Admitted[], situation: Situation): boolean {
  return [...definitionsUsed(context, open)].some(([name, version]) => {
    const entry = situation.entry(definitionKey(context, name))
    return entry === undefined || String(entry.revision) !== version
  })
}

/** Commits everything in one call, what others stand on first. Returns the documents that lost to somebody else. */
async function commitPlans(
  context: Context,
  plans: readonly Plan[],
  situation: Situation,
  results: Map<Manifest, ChangeResult>,
): Promise<ReadonlySet<Manifest>> {
  const inOrder = plans.toSorted((a, b) => rank(a.target) - rank(b.target))
  const transactions: Transaction[] = []
  const owners: Plan[] = []
  const wantsDefault = inOrder.some(({ target, isNew }) => isNew && target.namespace === DEFAULT_NAMESPACE)
  const defaultIsThere = situation.namespace(DEFAULT_NAMESPACE) !== undefined
  const extra =
    wantsDefault && !defaultIsThere && !situation.made.has(DEFAULT_NAMESPACE)
      ? [defaultNamespace(context)]
      : []
  const pruning = await pruningOf(context, inOrder)
  for (const plan of inOrder) {
    if (plan.operations.length === 0) {
      results.set(plan.manifest, plan.result)
      continue
    }
    const pruned = pruning.get(plan)
    transactions.push(pruned === undefined ? plan.operations : [...plan.operations, ...pruned])
    owners.push(plan)
  }
  const outcomes = (await commit(context, [...extra, ...transactions])).slice(extra.length)
  const conflicts = new Set<Manifest>()
  for (const [index, outcome] of outcomes.entries()) {
    const plan = owners[index]!
    if (outcome.kind === 'conflict') conflicts.add(plan.manifest)
    else
      results.set(plan.manifest, plan.recorded.changed ? stored(plan.result, outcome.revision) : plan.result)
  }
  return conflicts
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

function stored(result: ChangeResult, revision: number): ChangeResult {
  return { ...result, object: withResourceVersion(result.object, revision) }
}

/** Namespaces first, then kinds, then what lives in them. */
function rank({ kind }: Target): number {
  if (kind.kind === 'Namespace') return 0
  return kind.kind === 'CustomResourceDefinition' ? 1 : 2
}

function defaultNamespace(context: Context): Transaction {
  const kind = context.kinds.byKind('Namespace')
  const value = JSON.stringify({
    apiVersion: API_VERSION,
    kind: kind.kind,
    metadata: {
      name: DEFAULT_NAMESPACE,
      uid: context.ids.uid(),
      generation: 1,
      creationTimestamp: timestamp(context.clock),
    },
    spec: {},
  })
  const key = objectKey({ kind, namespace: undefined, name: DEFAULT_NAMESPACE })
  return [{ kind: 'put', key, value, expect: 0 }]
}

function contention({ candidate }: Admitted): Fault {
  const { target, manifest } = candidate
  const headline = `${manifest.source}: ${target.kind.singular}/${target.name} was changed by others ${MAX_ATTEMPTS} times while it was applied`
  return { code: 'Conflict', source: manifest.source, headline, text: headline, next: 'Apply again' }
}

function refusal(
  manifests: readonly Manifest[],
  faults: ReadonlyMap<Manifest, readonly Fault[]>,
  appliedCount: number,
): NsctlError {
  const inOrder = manifests.flatMap((manifest) => faults.get(manifest) ?? [])
  const outcome =
    appliedCount === 0 ? NOTHING_APPLIED : `${appliedCount} of ${manifests.length} objects were applied`
  return faultsError(inOrder, outcome)
}

function failures(
  manifests: readonly Manifest[],
  faults: ReadonlyMap<Manifest, readonly Fault[]>,
): readonly FailedManifest[] {
  return manifests.flatMap((manifest) => {
    const found = faults.get(manifest)
    return found === undefined ? [] : [{ manifest, error: faultsError(found, '') }]
  })
}

/** What was applied is applied, whatever becomes of reading the kinds again: they are read with the next unknown name. */
async function refreshKindsAfter(context: Context, results: Iterable<ChangeResult>): Promise<void> {
  const changed = [...results].some(
    ({ kind, verdict }) => kind.kind === 'CustomResourceDefinition' && verdict !== 'unchanged',
  )
  if (!changed) return
  await context.kinds.refresh().catch((error: unknown) => {
    if (!isNsctlError(error)) throw error
    context.logger.log('warn', 'the kinds could not be read again', { error: messageOf(error) })
  })
}
