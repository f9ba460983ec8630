/**
 * What of a spec says how things are to be done just now, and not what is wanted: changing it is no revision, and going back to an
 * old revision leaves it as it is. What the scale subresource changes is apart from this.
 */
import { clone, deepEqual, type Path, valueAt } from '../core/json.ts'
import type { Kind } from '../resources/kinds.ts'
import { type AnyResource, GROUP } from '../resources/object.ts'
import { setAt } from './ownership.ts'

const PAUSED = ['spec', 'update', 'paused'] as const

function operationalPath({ kind, group }: Kind): Path | undefined {
  return kind === 'Service' && group === GROUP ? PAUSED : undefined
}

/** `object` with what `live` has of it. Itself where that is the same. */
export function keepOperational(kind: Kind, live: AnyResource, object: AnyResource): AnyResource {
  const path = operationalPath(kind)
  if (path === undefined) return object
  const value = valueAt(live, path)
  if (deepEqual(valueAt(object, path), value)) return object
  const next = clone(object)
  setAt(next as unknown as Record<string, unknown>, path as readonly string[], value)
  return next
}

/** Whether nothing else of the content differs. */
export function isOperationalChange(kind: Kind, before: AnyResource, after: AnyResource): boolean {
  const path = operationalPath(kind)
  if (path === undefined || deepEqual(valueAt(before, path), valueAt(after, path))) return false
  return deepEqual(before.spec, keepOperational(kind, before, after).spec)
}
