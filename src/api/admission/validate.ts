/** Defaults and validation: a document made whole, and what is wrong with it. */
import type { AnyResource } from '../../resources/object.ts'
import { type FilledNotes, filledText } from '../../resources/validation/filled.ts'
import type { Manifest } from '../api.ts'
import type { Target } from '../keys.ts'
import { withoutNulls } from '../merge.ts'
import { type Fault, issueFault } from './faults.ts'
import type { Candidate, Wanted } from './identify.ts'

/** The object that a document says, with defaults. Shares with the document what it does not add to. */
export function completed({ manifest, target, wanted }: Candidate): Completed {
  const { kind, namespace, name } = target
  const meant = manifest.hasNoNulls === true ? wanted : (withoutNulls(wanted, kind.schema) as Wanted)
  const { metadata, ...content } = meant
  const said = {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...metadata },
    ...content,
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

/** Everything that is wrong with a completed object. The kind must be prepared. */
export function objectFaults(manifest: Manifest, target: Target, object: AnyResource): readonly Fault[] {
  const issues = target.kind.validate(object)
  return issues.length === 0 ? [] : issues.map((issue) => issueFault(manifest, target.kind, issue))
}
