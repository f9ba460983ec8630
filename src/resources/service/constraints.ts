/** What the schema cannot say of a Service: rules between fields, and values that are well formed but cannot work. */
import type { FieldIssue } from '../kinds.ts'
import type { ManifestService } from './manifest-types.ts'
import { portIssues } from './port-rules.ts'
import { programIssues } from './program-rules.ts'
import { storageIssues } from './storage-rules.ts'
import { updateIssues } from './update-rules.ts'

/** For objects that the schema has found sound; defaults may be filled in or not. Pure. */
export function serviceConstraints(object: unknown): readonly FieldIssue[] {
  const { spec } = object as ManifestService
  return [
    ...programIssues(spec),
    ...portIssues(spec.template),
    ...storageIssues(spec.storage ?? []),
    ...updateIssues(spec.update),
  ]
}
