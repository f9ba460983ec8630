/** Rules of what is sealed in a Secret, and of what an immutable one keeps. */
import { deepEqual } from '../../core/json.ts'
import type { SecretSpec } from '../generated/types.ts'
import type { FieldIssue } from '../kinds.ts'
import { quote } from '../validation/words.ts'
import { isValueKey, VALUE_KEY_RULE } from '../value-key.ts'

/** A Secret as a manifest may give it. */
export interface ManifestSecret {
  readonly spec: Partial<SecretSpec>
}

export function checkSealed(issues: FieldIssue[], { sealed, external }: ManifestSecret['spec']): void {
  if (sealed === undefined && external === undefined)
    issues.push({
      path: ['spec'],
      message: 'needs sealed (what apply and nsctl secret seal) or external (values that are kept elsewhere)',
    })
  for (const key of Object.keys(sealed ?? {}))
    if (!isValueKey(key))
      issues.push({
        path: ['spec', 'sealed', key],
        message: `cannot be called ${quote(key)}: ${VALUE_KEY_RULE}`,
        value: key,
      })
}

/** An immutable Secret keeps its values, told by their versions. Sealed to others they have the same ones. */
export function secretChanges(before: unknown, after: unknown): readonly FieldIssue[] {
  const [old, next] = [(before as ManifestSecret).spec, (after as ManifestSecret).spec]
  if (old.immutable !== true) return []
  const issues: FieldIssue[] = []
  const keys = new Set([...Object.keys(old.sealed ?? {}), ...Object.keys(next.sealed ?? {})])
  for (const key of [...keys].sort())
    if (old.sealed?.[key]?.version !== next.sealed?.[key]?.version)
      issues.push({
        path: ['spec', 'sealed', key],
        message: 'cannot be changed: the Secret is immutable; make one of another name and use that',
      })
  if (!deepEqual(sourceOf(old), sourceOf(next)))
    issues.push({ path: ['spec', 'external'], message: 'cannot be changed: the Secret is immutable' })
  if (next.immutable !== true)
    issues.push({ path: ['spec', 'immutable'], message: 'stays true until the Secret is deleted' })
  return issues
}

/** Where values come from; how often it is looked at is no part of that. */
function sourceOf({ external }: ManifestSecret['spec']): unknown {
  if (external === undefined) return undefined
  const { refresh: _refresh, ...source } = external
  return source
}
