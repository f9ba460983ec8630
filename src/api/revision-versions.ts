/** Revisions of kinds with several versions, as a reader of one of them sees them. Pure. */
import { deepEqual, type Json, type Path } from '../core/json.ts'
import type { Kind } from '../resources/kinds.ts'
import type { AnyResource } from '../resources/object.ts'
import type { FieldChange } from './api.ts'
import { changesBetween } from './changes.ts'
import { decodeJson } from './codec.ts'
import {
  besideSpec,
  contentOfRecord,
  type RevisionEntries,
  type StoredRevision,
  type Written,
} from './revision-content.ts'

interface Converted {
  readonly record: Written
  /** What the revision holds, in the version that is asked for. */
  readonly content: AnyResource
}

/** In order, the oldest first. Changes that were noted in another version are worked out anew where the revision before is there. */
export function revisionsIn(kind: Kind, revisions: readonly RevisionEntries[]): readonly StoredRevision[] {
  const converted = revisions.map((entries) => convertedRevision(kind, entries))
  return converted.map(({ record, content }, index) => {
    const { apiVersion = kind.family?.firstStored, object: _, rest: __, spec: ___, ...others } = record
    const before = converted[index - 1]?.content
    const changes =
      apiVersion === kind.apiVersion || before === undefined
        ? record.changes
        : changesIn(kind, record, before, content)
    const rest = besideSpec(content)
    const kept = Object.entries(content.metadata.annotations ?? {}).filter(([name, value]) =>
      kind.family?.keeps(name, value),
    )
    return {
      ...others,
      ...(rest === undefined ? {} : { rest }),
      ...(kept.length === 0 ? {} : { kept: Object.fromEntries(kept) }),
      spec: (content.spec ?? null) as Json,
      changes,
    }
  })
}

/** What came by scaling between two revisions is no change of the later one, unless that says so. */
function changesIn(
  kind: Kind,
  record: Written,
  before: AnyResource,
  content: AnyResource,
): readonly FieldChange[] {
  const own = kind.family?.versions.find(
    ({ apiVersion }) => apiVersion === (record.apiVersion ?? kind.family?.firstStored),
  )
  const isScale = (path: Path, { scalePath }: Kind) => scalePath !== undefined && deepEqual(path, scalePath)
  const scales = own === undefined || record.changes.some(({ path }) => isScale(path, own))
  return changesBetween(withoutMetadata(before), withoutMetadata(content), kind.schema).filter(
    ({ path }) => scales || !isScale(path, kind),
  )
}

function withoutMetadata(object: AnyResource): AnyResource {
  return { ...object, metadata: { name: '' } }
}

function convertedRevision(kind: Kind, entries: RevisionEntries): Converted {
  const record = decodeJson(entries.record) as unknown as Written
  const content = contentOfRecord(record, entries)
  const { metadata } = content as unknown as Partial<AnyResource>
  const said = {
    apiVersion: kind.family?.firstStored,
    ...content,
    kind: kind.kind,
    metadata: { ...(metadata?.annotations && { annotations: metadata.annotations }) },
  } as unknown as AnyResource
  return { record, content: kind.family?.convert(said, kind, { forWriting: true }) ?? said }
}
