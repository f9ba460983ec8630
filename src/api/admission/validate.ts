/** Defaults and validation: a document made whole, and what is wrong with it. */
import type { AnyResource } from '../../resources/object.ts'
import type { Manifest } from '../api.ts'
import type { Target } from '../keys.ts'
import { copyWithoutNulls } from '../merge.ts'
import { type Fault, issueFault } from './faults.ts'
import type { Candidate, Wanted } from './identify.ts'

/** The object that a document says, with defaults. A copy. */
export function completed({ target, wanted, wantedText }: Candidate): AnyResource {
  const { kind, namespace, name } = target
  // parsing the text again is the fastest copy, as long as there is no null to leave out
  const copy = wantedText.includes('null') ? copyWithoutNulls(wanted, kind.schema) : JSON.parse(wantedText)
  const { metadata, ...content } = copy as Wanted
  const object = {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...metadata },
    ...content,
  }
  kind.applyDefaults(object)
  return object as unknown as AnyResource
}

/** Everything that is wrong with a completed object. The kind must be prepared. */
export function objectFaults(manifest: Manifest, target: Target, object: AnyResource): readonly Fault[] {
  return target.kind.validate(object).map((issue) => issueFault(manifest, target.kind, issue))
}
