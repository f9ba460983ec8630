/** What the schema cannot say of a user's CustomResourceDefinition. */
import type { FieldIssue } from '../kinds.ts'

export function definitionConstraints(_object: unknown): readonly FieldIssue[] {
  return []
}
