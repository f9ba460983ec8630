/** Defaults and validation: a document made whole, and what is wrong with it. */
import { clone } from '../../core/json.ts'
import type { AnyResource } from '../../resources/object.ts'
import type { Manifest } from '../api.ts'
import type { Target } from '../keys.ts'
import { withoutNulls } from '../merge.ts'
import { type Fault, issueFault } from './faults.ts'
import type { Wanted } from './identify.ts'

/** The object that `wanted` says, with defaults. A copy. */
export function completed(target: Target, wanted: Wanted): AnyResource {
  const { kind, namespace, name } = target
  const { metadata, ...content } = wanted
  const object = clone(
    withoutNulls(
      {
        apiVersion: kind.apiVersion,
        kind: kind.kind,
        metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...metadata },
        ...content,
      },
      kind.schema,
    ),
  )
  kind.applyDefaults(object)
  return object as AnyResource
}

/** Everything that is wrong with a completed object. The kind must be prepared. */
export function objectFaults(manifest: Manifest, target: Target, object: AnyResource): readonly Fault[] {
  return target.kind.validate(object).map((issue) => issueFault(manifest, target.kind, issue))
}
