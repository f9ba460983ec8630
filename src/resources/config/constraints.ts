/** What the schema cannot say of a Config. */
import { deepEqual } from '../../core/json.ts'
import type { ConfigSpec } from '../generated/types.ts'
import type { FieldIssue } from '../kinds.ts'
import { quote } from '../validation/words.ts'
import { isValueKey, VALUE_KEY_RULE } from '../value-key.ts'

interface ManifestConfig {
  readonly spec: Partial<ConfigSpec>
}

/** For objects that the schema has found sound. Pure. */
export function configConstraints(object: unknown): readonly FieldIssue[] {
  const { data = {}, files = {} } = (object as ManifestConfig).spec
  const issues: FieldIssue[] = []
  for (const [member, values] of [
    ['data', data],
    ['files', files],
  ] as const)
    for (const key of Object.keys(values))
      if (!isValueKey(key))
        issues.push({
          path: ['spec', member, key],
          message: `cannot be called ${quote(key)}: ${VALUE_KEY_RULE}`,
          value: key,
        })
  for (const key of Object.keys(files))
    if (Object.hasOwn(data, key))
      issues.push({ path: ['spec', 'files', key], message: `is in data too: give ${quote(key)} once` })
  for (const [key, value] of Object.entries(data))
    if (value.includes('\0'))
      issues.push({
        path: ['spec', 'data', key],
        message: 'must not contain a NUL character: no variable can hold one; a file can',
      })
  return issues
}

/** An immutable Config keeps what it says. */
export function configChanges(before: unknown, after: unknown): readonly FieldIssue[] {
  const [old, next] = [(before as ManifestConfig).spec, (after as ManifestConfig).spec]
  if (old.immutable !== true) return []
  const issues: FieldIssue[] = []
  for (const member of ['data', 'files'] as const)
    if (!deepEqual(old[member] ?? {}, next[member] ?? {}))
      issues.push({
        path: ['spec', member],
        message: 'cannot be changed: the Config is immutable; make one of another name and use that',
      })
  if (next.immutable !== true)
    issues.push({ path: ['spec', 'immutable'], message: 'stays true until the Config is deleted' })
  return issues
}
