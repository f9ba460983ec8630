/** Rules of what is sealed in a Secret, and of what an immutable one keeps. */
import { deepEqual } from '../../core/json.ts'
import type { SecretSpec } from '../generated/types.ts'
import type { FieldIssue } from '../kinds.ts'
import { quote } from '../validation/words.ts'
import { isValueKey, VALUE_KEY_RULE } from '../value-key.ts'

/** What somebody took for a place of values must not be stored: only what has the form of ciphertext is. */
const ARMORED =
  /^-----BEGIN AGE ENCRYPTED FILE-----\n(?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}\n-----END AGE ENCRYPTED FILE-----\n?$/

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
  for (const [key, { age }] of Object.entries(sealed ?? {})) {
    const path = ['spec', 'sealed', key]
    if (!isValueKey(key))
      issues.push({ path, message: `cannot be called ${quote(key)}: ${VALUE_KEY_RULE}`, value: key })
    if (!ARMORED.test(age))
      issues.push({
        path: [...path, 'age'],
        message:
          'must be an armored age file: values go into stringData, and apply or nsctl secret seal seals them',
      })
  }
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
