/** Fields that belong to a manager other than the manifest: applying leaves them as they are, and says so. Pure. */
import { clone, deepEqual, isObject, valueAt } from '../core/json.ts'
import type { AnyResource } from '../resources/object.ts'

export interface Kept {
  /** `merged` with the managers' fields as they are live. */
  readonly object: AnyResource
  /** One for each field that the manifest would have changed: `spec.replicas is owned by scaledobject/web and stays 7`. */
  readonly warnings: readonly string[]
}

/** `said` is what the manifest itself says: a field that it does not mention is kept without a word. */
export function keepManagedFields(
  live: AnyResource,
  merged: AnyResource,
  said: Readonly<Record<string, unknown>>,
): Kept {
  let object = merged
  const warnings: string[] = []
  for (const { manager, fields } of live.metadata.managedFields ?? []) {
    for (const field of fields) {
      const path = field.split('.')
      const value = valueAt(live, path)
      if (deepEqual(value, valueAt(object, path))) continue
      if (object === merged) object = clone(merged)
      setAt(object as unknown as Record<string, unknown>, path, clone(value))
      if (valueAt(said, path) !== undefined)
        warnings.push(`${field} is owned by ${manager} and stays ${JSON.stringify(value)}`)
    }
  }
  return { object, warnings }
}

/** The manager of the field at `path`, if it has one. */
export function managerOf(live: AnyResource, field: string): string | undefined {
  return live.metadata.managedFields?.find(({ fields }) => fields.includes(field))?.manager
}

/** `object.path = value`, in place; members in between are made. Undefined removes. */
export function setAt(object: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let current = object
  for (const step of path.slice(0, -1)) {
    const inner = current[step]
    if (!isObject(inner)) current[step] = {}
    current = current[step] as Record<string, unknown>
  }
  const last = path.at(-1) as string
  if (value === undefined) delete current[last]
  else current[last] = value
}
