/** What applying one document comes to, given what is stored. Pure but for ids and time. */
import type { AnyResource } from '../resources/object.ts'
import type { JsonSchema } from '../resources/schema.ts'
import type { Entry, Operation } from '../store/store.ts'
import type { Admitted } from './admission/admit.ts'
import { type Fault, fault, issueFault } from './admission/faults.ts'
import type { Candidate, Wanted } from './admission/identify.ts'
import { sizeFaults } from './admission/limits.ts'
import { type KnownNamespaces, namespaceFaults } from './admission/namespaces.ts'
import { changeFaults, objectFaults, ownKeyIssues } from './admission/validate.ts'
import type { Actor, ChangeResult, Manifest } from './api.ts'
import { filledBy, lastWanted, rememberApplied } from './applied.ts'
import { carryUnknown } from './carried.ts'
import { contentOf } from './changes.ts'
import { type Stored, storedOf } from './codec.ts'
import type { Context } from './context.ts'
import { objectStatusKey, type Target } from './keys.ts'
import { mergeApplied } from './merge.ts'
import { keepManagedFields } from './ownership.ts'
import { type Recorded, recordEdit, saysTheSame, unchanged } from './record.ts'
import { statusHalf } from './reported.ts'
import { kindWarnings, shown, storedIn, versionWarnings } from './versions.ts'

/** `apply` merges and remembers what was applied; `create` refuses what is there and remembers nothing. */
export type SetMode = 'apply' | 'create'

/** What is stored of all that a set of documents touches. */
export interface Situation {
  /** The time that the set is planned at. */
  readonly at: string
  readonly entry: (key: string) => Entry | undefined
  readonly namespace: (name: string) => Entry | undefined
  /** Namespaces that the set itself makes. */
  readonly made: ReadonlySet<string>
  /** Nobody was faster with the documents yet. */
  readonly isFirstAttempt: boolean
  /** Nothing will be written: a namespace need not be there. */
  readonly isDryRun: boolean
}

export interface Plan {
  readonly kind: 'plan'
  readonly manifest: Manifest
  readonly target: Target
  readonly isNew: boolean
  readonly recorded: Recorded
  readonly result: ChangeResult
  /** Empty where neither the object nor its last applied manifest changes. */
  readonly operations: readonly Operation[]
}

export type Planned = Plan | { readonly kind: 'faults'; readonly faults: readonly Fault[] }

const NONE: readonly Fault[] = []
const NO_WARNINGS: readonly string[] = []
const NO_OPERATIONS: readonly Operation[] = []

export function planDocument(
  context: Context,
  document: Admitted,
  situation: Situation,
  actor: Actor,
  mode: SetMode,
): Planned {
  const { candidate, object } = document
  const { manifest, target, wanted } = candidate
  const entry = situation.entry(candidate.objectKey)
  const { kind } = target
  const isPlain = kind.family === undefined && kind.deprecation === undefined
  const status = kind.statusApart ? situation.entry(objectStatusKey(target)) : undefined
  const live = entry && storedIn(kind, storedOf(entry, statusHalf(kind, status)))
  const said =
    live === undefined || kind.family === undefined ? object : kind.family.withKept(object, live.object)
  // A document that says all that is there, defaults included, needs neither validation nor merge.
  const isSame = live !== undefined && saysTheSame(live.object, said) && knowsItsMetadata(wanted)
  const wrong = isSame ? NONE : objectFaults(manifest, target, object, live?.object)
  const refused = gateFaults(candidate, live, situation, mode)
  if (wrong.length + refused.length > 0) return { kind: 'faults', faults: [...wrong, ...refused] }

  const applied = situation.entry(candidate.appliedKey)
  const { next, warnings } =
    live === undefined || isSame ? { next: object, warnings: [] } : merged(candidate, live, applied)
  const cause = mode === 'apply' ? 'applied' : 'created'
  const isNoted = mode === 'apply' && kind.family === undefined
  const filled = !isNoted ? undefined : isSame ? document.filled : filledBy(document, next)
  const recorded =
    live !== undefined && isSame
      ? unchanged(live)
      : recordEdit(context, {
          target,
          live,
          next,
          actor,
          cause,
          at: situation.at,
          revises: true,
          filled,
          isFirstAttempt: situation.isFirstAttempt,
        })
  const broken =
    live !== undefined && recorded.changed ? changeFaults(manifest, target, next, live.object) : NONE
  const oversized = sizeFaults(manifest, target, recorded.text)
  const outdated = recorded.changed ? versionFaults(candidate, live) : NONE
  if (broken.length + oversized.length + outdated.length > 0)
    return { kind: 'faults', faults: [...broken, ...oversized, ...outdated] }

  const result: ChangeResult = {
    verdict: live === undefined ? 'created' : recorded.changed ? 'configured' : 'unchanged',
    kind,
    object: shown(kind, recorded.object),
    changes: recorded.changes,
    warnings: [
      ...(isPlain ? NO_WARNINGS : versionWarnings(kind, next, wanted)),
      ...kindWarnings(target, object),
      ...(live === undefined && situation.isDryRun ? missingNamespace(candidate, situation) : NO_WARNINGS),
      ...warnings,
    ],
  }
  const checks = live === undefined ? namespaceCheck(target, situation) : NO_OPERATIONS
  const remembered =
    mode === 'apply' ? rememberApplied({ candidate, live, entry: applied, recorded, filled }) : NO_OPERATIONS
  return {
    kind: 'plan',
    manifest,
    target,
    isNew: live === undefined,
    recorded,
    result: live === undefined ? result : { ...result, before: shown(kind, live.object) },
    operations:
      checks.length + remembered.length === 0
        ? recorded.operations
        : [...checks, ...recorded.operations, ...remembered],
  }
}

function gateFaults(
  candidate: Candidate,
  live: Stored | undefined,
  situation: Situation,
  mode: SetMode,
): readonly Fault[] {
  const { manifest, target, wanted } = candidate
  const own = ownKeyIssues(target.kind, wanted.metadata, live?.object.metadata)
  if (own.length > 0) return own.map((issue) => issueFault(manifest, target.kind, issue))
  if (live === undefined) {
    const gone = versionFaults(candidate, live)
    return gone.length > 0
      ? gone
      : namespaceFaults(candidate, knownNamespaces(situation)).filter(
          ({ code }) => !situation.isDryRun || code === 'Terminating',
        )
  }
  const name = `${target.kind.singular}/${target.name}`
  if (mode === 'create')
    return [
      fault(manifest, 'AlreadyExists', `${name} is already there`, { next: 'To change it: nsctl apply' }),
    ]
  if (live.object.metadata.deletionTimestamp === undefined) return []
  const next = `Wait until it is gone: nsctl wait --for=delete ${name}`
  return [fault(manifest, 'Terminating', `${name} is being deleted`, { next })]
}

function knownNamespaces({ namespace, made }: Situation): KnownNamespaces {
  return { entry: namespace, made }
}

/** A dry run need not have the namespace made first, and says that it is missing. */
function missingNamespace(candidate: Candidate, situation: Situation): readonly string[] {
  const [fault] = namespaceFaults(candidate, knownNamespaces(situation))
  if (fault === undefined) return NO_WARNINGS
  const { namespace } = candidate.target
  return [`there is no namespace ${JSON.stringify(namespace)}: nsctl create namespace ${namespace}`]
}

/** The resourceVersion that the document names must still be the object's, or be moot because nothing changes. */
function versionFaults(
  { manifest, target, resourceVersion }: Candidate,
  live: Stored | undefined,
): readonly Fault[] {
  const now = live?.object.metadata.resourceVersion
  if (resourceVersion === undefined || resourceVersion === now) return []
  const name = `${target.kind.singular}/${target.name}`
  const seen = now === undefined ? 'is not there any more' : `has changed since (now ${now})`
  return [
    fault(manifest, 'Conflict', `${name} was read at resourceVersion ${resourceVersion} and ${seen}`, {
      path: ['metadata', 'resourceVersion'],
      value: resourceVersion,
      next: 'Get it again, or remove metadata.resourceVersion from the manifest',
    }),
  ]
}

const METADATA_SCHEMA: JsonSchema = {
  properties: {
    finalizers: { 'x-kubernetes-list-type': 'set' },
    ownerReferences: { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['uid'] },
  },
}

/** The members of metadata that a manifest merges into. */
const MERGED_METADATA = ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const

function merged(
  { target, wanted }: Candidate,
  stored: Stored,
  applied: Entry | undefined,
): { readonly next: AnyResource; readonly warnings: readonly string[] } {
  const { kind } = target
  const live = stored.object
  const lastApplied: Readonly<Record<string, unknown>> = lastWanted(kind, stored, applied) ?? {}
  const content = carryUnknown(
    contentOf(live),
    mergeApplied(lastApplied, contentOf(live), contentOf(wanted), kind.schema),
    kind.schema,
  )
  const { name, namespace } = live.metadata
  const metadata = mergeApplied(
    lastApplied.metadata,
    pick(live.metadata),
    pick(wanted.metadata),
    METADATA_SCHEMA,
  )
  const kept = keepManagedFields(
    live,
    {
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...(metadata as object) },
      ...(content as object),
    } as AnyResource,
    wanted,
  )
  return { next: kind.withDefaults(kept.object), warnings: kept.warnings }
}

/** False where metadata has members that only validation can name. */
function knowsItsMetadata({ metadata }: Wanted): boolean {
  return Object.keys(metadata).every((member) => MERGED_METADATA.some((known) => known === member))
}

function pick(
  metadata: Readonly<Record<string, unknown>> | AnyResource['metadata'],
): Record<string, unknown> {
  const from = metadata as Readonly<Record<string, unknown>>
  const picked: Record<string, unknown> = {}
  for (const member of MERGED_METADATA) if (from[member] !== undefined) picked[member] = from[member]
  return picked
}

/** What is new must not slip into a namespace that ends between the look at it and the commit. */
function namespaceCheck(target: Target, situation: Situation): readonly Operation[] {
  const entry = target.namespace === undefined ? undefined : situation.namespace(target.namespace)
  return entry === undefined ? NO_OPERATIONS : [{ kind: 'check', key: entry.key, expect: entry.revision }]
}
