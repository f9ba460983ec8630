/** Faults in the order in which a reader of the document meets them. */
import { isObject, type Path } from '../../core/json.ts'
import type { FieldIssue } from '../kinds.ts'

/** Sorted by position in the object; what is missing stands before the members that are there. */
export function inDocumentOrder(issues: readonly FieldIssue[], object: unknown): readonly FieldIssue[] {
  if (issues.length < 2) return issues
  const keyed = issues.map((issue) => ({ issue, place: placeOf(issue.path, object) }))
  return keyed.sort((a, b) => comparePlaces(a.place, b.place)).map(({ issue }) => issue)
}

/** The position of each step among its siblings. */
function placeOf(path: Path, object: unknown): readonly number[] {
  const place: number[] = []
  let current = object
  for (const step of path) {
    if (typeof step === 'number') place.push(step)
    else place.push(isObject(current) ? Object.keys(current).indexOf(step) : -1)
    current = isObject(current) || Array.isArray(current) ? (current as never)[step] : undefined
  }
  return place
}

function comparePlaces(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}
