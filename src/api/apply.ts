/** Apply and create: a set of documents, admitted as a whole, merged with what is there, committed object by object. */
import { isNsctlError, messageOf, type NsctlError } from '../core/errors.ts'
import { API_VERSION, DEFAULT_NAMESPACE } from '../resources/object.ts'
import type { Entry, Transaction } from '../store/store.ts'
import { type Admitted, admitSet, definitionsUsed } from './admission/admit.ts'
import { type Fault, fault, faultsError } from './admission/faults.ts'
import type { ApplyOptions, ApplyResult, ChangeResult, FailedManifest, Manifest } from './api.ts'
import { claimFaults } from './claim-set.ts'
import { claimsOf } from './claims.ts'
import { commitSet, wantsDefaultNamespace } from './commit-set.ts'
import { type Context, MAX_ATTEMPTS, timestamp } from './context.ts'
import { REWRITE, versionInUseText, versionsInUse } from './definitions.ts'
import { cycleFault, findCycles, isService, nameOf } from './dependencies.ts'
import { objectKey, objectStatusKey } from './keys.ts'
import { Admissions, objectQuotaFaults, readObjectQuotas } from './object-quotas.ts'
import { type Plan, planDocument, type SetMode, type Situation } from './plan.ts'

/** Whoever makes what a quota counts contends with all who do. */
const MAX_CONTENDED_ATTEMPTS = 50
const NOTHING_APPLIED = 'nothing was applied'

/** Applies documents. See `ResourceEditor.apply`. */
export async function applySet(
  context: Context,
  manifests: readonly Manifest[],
  options: ApplyOptions,
  mode: SetMode,
): Promise<ApplyResult> {
  const admission = await admitSet(context, manifests, options.namespace)
  const results = new Map<Manifest, ChangeResult>()
  const faults = new Map(admission.faults)
  let open = admission.admitted
  for (let attempt = 1; attempt === 1 || open.length > 0; attempt++) {
    const [read, quotas] = await Promise.all([
      readSituation(context, open, admission.admitted),
      readObjectQuotas(
        context,
        open.map(({ candidate }) => candidate.target),
      ),
    ])
    const situation = { ...read, isFirstAttempt: attempt === 1, isDryRun: options.dryRun === true }
    if (results.size === 0 && hasStaleKinds(context, open, situation)) {
      await context.kinds.refresh()
      return applySet(context, manifests, options, mode)
    }
    const planned: Plan[] = []
    for (const one of open) {
      const plan = planDocument(context, one, situation, options.actor, mode)
      if (plan.kind === 'plan') planned.push(plan)
      else faults.set(one.candidate.manifest, plan.faults)
    }
    await refuseVersionsInUse(context, planned, faults)
    const claims = claimFaults(planned, situation.entry, options.partial === true)
    for (const [manifest, claimed] of claims) faults.set(manifest, [claimed])
    const unclaimed = planned.filter(({ manifest }) => !claims.has(manifest))
    const beyond = objectQuotaFaults(unclaimed, quotas)
    for (const [manifest, full] of beyond) faults.set(manifest, [full])
    const plans = unclaimed.filter(({ manifest }) => !beyond.has(manifest))
    await refuseCycles(context, plans, faults)
    if (faults.size > 0 && options.partial !== true) throw refusal(manifests, faults, results.size)
    if (options.dryRun === true) {
      for (const plan of plans) results.set(plan.manifest, plan.result)
      break
    }
    const first = wantsDefaultNamespace(plans, situation) ? [defaultNamespace(context)] : []
    const set = { plans, situation, actor: options.actor, mode, first, admissions: new Admissions(quotas) }
    const conflicts = await commitSet(context, set, results)
    open = open.filter(({ candidate }) => conflicts.has(candidate.manifest))
    if (attempt < (quotas.quotas.length > 0 ? MAX_CONTENDED_ATTEMPTS : MAX_ATTEMPTS)) continue
    for (const one of open) faults.set(one.candidate.manifest, [contention(one, attempt)])
    if (open.length > 0 && options.partial !== true) throw refusal(manifests, faults, results.size)
    break
  }
  if (options.dryRun !== true) await refreshKindsAfter(context, results.values())
  return {
    results: manifests.flatMap((manifest) => results.get(manifest) ?? []),
    failed: failures(manifests, faults),
  }
}

/** A definition cannot lose a version in which something is stored: its plan becomes a fault. */
async function refuseVersionsInUse(
  { store }: Context,
  plans: Plan[],
  faults: Map<Manifest, readonly Fault[]>,
): Promise<void> {
  // from behind, because those that are refused are taken out
  for (let index = plans.length - 1; index >= 0; index--) {
    const { manifest, target, result, recorded } = plans[index]!
    if (target.kind.kind !== 'CustomResourceDefinition' || result.before === undefined || !recorded.changed)
      continue
    const inUse = await versionsInUse(store, result.before, recorded.object)
    if (inUse.length === 0) continue
    const said = inUse.map((one) =>
      fault(manifest, 'Invalid', `spec.versions: ${versionInUseText(one)}`, {
        path: ['spec', 'versions'],
        value: one.version,
        next: REWRITE,
      }),
    )
    faults.set(manifest, said)
    plans.splice(index, 1)
  }
}

/** Services that would wait for each other: their plans become faults. */
async function refuseCycles(
  context: Context,
  plans: Plan[],
  faults: Map<Manifest, readonly Fault[]>,
): Promise<void> {
  const changes = plans.flatMap(({ target, recorded, result }) =>
    isService(target) ? [{ target, before: result.before, next: recorded.object }] : [],
  )
  const cycles = await findCycles(context, changes)
  if (cycles.size === 0) return
  // from behind, because those that are refused are taken out
  for (let index = plans.length - 1; index >= 0; index--) {
    const { manifest, target, recorded } = plans[index]!
    const cycle = isService(target) ? cycles.get(nameOf(recorded.object)) : undefined
    if (cycle === undefined) continue
    faults.set(manifest, [cycleFault(manifest, cycle)])
    plans.splice(index, 1)
  }
}

/** Everything that the plans depend on, in one round trip. */
async function readSituation(
  context: Context,
  open: readonly Admitted[],
  all: readonly Admitted[],
): Promise<Omit<Situation, 'isFirstAttempt' | 'isDryRun'>> {
  const { kinds, store } = context
  const namespaceKind = kinds.byKind('Namespace')
  // no document stands twice, so that only a namespace or a definition can be asked for by several
  const keys: string[] = []
  const shared = new Set<string>()
  const namespaceKeys = new Map<string, string>()
  for (const { candidate, object } of open) {
    keys.push(candidate.appliedKey)
    for (const { key } of claimsOf(candidate.target, object)) shared.add(key)
    if (candidate.target.kind.statusApart) keys.push(objectStatusKey(candidate.target))
    if (candidate.target.namespace === undefined) shared.add(candidate.objectKey)
    else keys.push(candidate.objectKey)
    const name = candidate.target.namespace
    if (name === undefined || namespaceKeys.has(name)) continue
    namespaceKeys.set(name, objectKey({ kind: namespaceKind, namespace: undefined, name }))
  }
  for (const key of namespaceKeys.values()) shared.add(key)
  for (const name of definitionsUsed(context, open).keys()) shared.add(definitionKey(context, name))
  const read = new Map<string, Entry>()
  for (const entry of await store.getMany([...keys, ...shared])) read.set(entry.key, entry)
  const made = new Set<string>()
  for (const { candidate } of all)
    if (candidate.target.kind === namespaceKind) made.add(candidate.target.name)
  return {
    at: timestamp(context.clock),
    entry: (key) => read.get(key),
    namespace: (name) => read.get(namespaceKeys.get(name) ?? ''),
    made,
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

function contention({ candidate }: Admitted, attempts: number): Fault {
  const { target, manifest } = candidate
  const headline = `${manifest.source}: ${target.kind.singular}/${target.name} was changed by others ${attempts} times while it was applied`
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
