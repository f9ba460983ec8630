/** Defaults and validation: a document made whole, and what is wrong with it. */
import { deepEqual, valueAt } from '../../core/json.ts'
import { type FieldIssue, type Kind, UNKNOWN_FIELD } from '../../resources/kinds.ts'
import { type AnyResource, GROUP } from '../../resources/object.ts'
import { type FilledNotes, filledText } from '../../resources/validation/filled.ts'
import { ownPrefixIssues } from '../../resources/validation/metadata.ts'
import type { Manifest } from '../api.ts'
import type { Target } from '../keys.ts'
import { withoutNulls } from '../merge.ts'
import { asStored } from '../versions.ts'
import { type Fault, issueFault } from './faults.ts'
import type { Candidate, Wanted } from './identify.ts'
import { coveredIssue, plaintextFaults } from './secrets.ts'

/** The object that a document says, with defaults. Shares with the document what it does not add to. */
export function completed({
  manifest,
  target,
  wanted,
}: Pick<Candidate, 'manifest' | 'target' | 'wanted'>): Completed {
  const { kind, namespace, name } = target
  const meant = manifest.hasNoNulls === true ? wanted : (withoutNulls(wanted, kind.schema) as Wanted)
  const { metadata } = meant
  const said = {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    ...meant,
    metadata: namespace === undefined ? { name, ...metadata } : { name, namespace, ...metadata },
  }
  const notes: FilledNotes = []
  const object = kind.withDefaults(said, notes) as unknown as AnyResource
  return { object, filled: meant === wanted ? filledText(notes) : undefined }
}

export interface Completed {
  readonly object: AnyResource
  /** Which defaults make it of the document, as `filledText` says it; undefined where the document has nulls, which went too. */
  readonly filled: string | undefined
}

/**
 * Everything that is wrong with a completed object, also once it is stored in another version. The kind must be prepared. What `live`
 * has already and nobody here knows was written by a newer nsctl: it is carried along, and no fault.
 */
export function objectFaults(
  manifest: Manifest,
  { kind }: Pick<Target, 'kind'>,
  object: AnyResource,
  live?: AnyResource,
): readonly Fault[] {
  const isSecret = kind.kind === 'Secret' && kind.group === GROUP
  const open = isSecret ? plaintextFaults(manifest, object) : []
  if (open.length > 0) return open
  const issues = issuesOf(kind, object, live)
  if (issues.length > 0)
    return issues.map((issue) => issueFault(manifest, kind, isSecret ? coveredIssue(issue) : issue))
  const storage = kind.family?.storage
  if (storage === undefined || storage === kind) return []
  return issuesOf(storage, asStored(kind, object), live && asStored(kind, live)).map((issue) => {
    const message = `${issue.message} (in ${storage.version}, in which it is stored)`
    return issueFault(manifest, storage, { ...issue, message })
  })
}

/** Everything that is wrong with what `live` would become. The kind must be prepared. */
export function changeFaults(
  manifest: Manifest,
  { kind }: Pick<Target, 'kind'>,
  next: AnyResource,
  live: AnyResource,
): readonly Fault[] {
  const faults = objectFaults(manifest, { kind }, next, live)
  if (faults.length > 0) return faults
  const storage = kind.family?.storage ?? kind
  const issues = storage.validateChange(asStored(kind, live), asStored(kind, next))
  return issues.map((issue) => issueFault(manifest, storage, issue))
}

function issuesOf(kind: Kind, object: AnyResource, live: AnyResource | undefined): readonly FieldIssue[] {
  const issues = kind.validate(object)
  if (issues.length === 0 || live === undefined) return issues
  return issues.filter((issue) => !isCarried(issue, object, live))
}

/** Labels and annotations that only nsctl sets; what its conversions have kept may come back with a manifest. */
export function ownKeyIssues(
  { family }: Kind,
  metadata: Wanted['metadata'],
  stored: AnyResource['metadata'] | undefined,
): readonly FieldIssue[] {
  const issues = ownPrefixIssues(metadata, stored)
  if (family === undefined || issues.length === 0) return issues
  return issues.filter(
    ({ path, value }) => path[1] !== 'annotations' || !family.keeps(String(path[2]), value),
  )
}

function isCarried({ message, path }: FieldIssue, object: AnyResource, live: AnyResource): boolean {
  const value = valueAt(live, path)
  return message === UNKNOWN_FIELD && value !== undefined && deepEqual(value, valueAt(object, path))
}
