/** What the schema cannot say of a Secret. Nothing here repeats a value: what is refused may hold one. */
import type { Secret } from '../generated/types.ts'
import type { FieldIssue } from '../kinds.ts'
import { checkExternal } from './external-rules.ts'
import { checkSealed } from './sealed-rules.ts'

/** For objects that the schema has found sound; defaults may be filled in or not. Pure. */
export function secretConstraints(object: unknown): readonly FieldIssue[] {
  const secret = object as Secret
  const issues: FieldIssue[] = []
  checkSealed(issues, secret.spec)
  checkExternal(issues, secret)
  return issues
}
