/** Defaults and validation: a document made whole, and what is wrong with it. */
import type { AnyResource } from '../../resources/object.ts'
import type { Manifest } from '../api.ts'
import type { Target } from '../keys.ts'
import { withoutNulls } from '../merge.ts'
import { type Fault, issueFault } from './faults.ts'
import type { Candidate, Wanted } from './identify.ts'

/** The object that a document says, with defaults. Shares with the document what it does not add to. */
export function completed({ target, wanted, wantedText }: Candidate): AnyResource {
  const { kind, namespace, name } = target
  // looking through the text costs less than looking through the value
  const said = wantedText.includes('null') ? (withoutNulls(wanted, kind.schema) as Wanted) : wanted
  const { metadata, ...content } = said
  return kind.withDefaults({
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...metadata },
    ...content,
  }) as unknown as AnyResource
}

/** Everything that is wrong with a completed object. The kind must be prepared. */
export function objectFaults(manifest: Manifest, target: Target, object: AnyResource): readonly Fault[] {
  const issues = target.kind.validate(object)
  return issues.length === 0 ? [] : issues.map((issue) => issueFault(manifest, target.kind, issue))
}
