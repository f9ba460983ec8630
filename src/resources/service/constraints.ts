/** What the schema cannot say of a Service. */
import type { FieldIssue } from '../kinds.ts'

export function serviceConstraints(_object: unknown): readonly FieldIssue[] {
  return []
}
