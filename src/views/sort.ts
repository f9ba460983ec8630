/** --sort-by: the order of rows by any field, as kubectl does it. */
import { NsctlError } from '../core/errors.ts'
import { parseCpuMillis, parseMemoryBytes } from '../core/quantity.ts'
import { compilePath } from '../resources/jsonpath.ts'
import type { AnyResource } from '../resources/object.ts'

/**
 * `objects` in order of the field at `path` (`.metadata.name`, `{.spec.replicas}`): numbers, quantities (500m, 128Mi) and
 * timestamps by size, other text by its code points with digits as numbers; what has no such field first. Equal ones keep their
 * order. Usage where the path is malformed or leads to a map or a list.
 */
export function sortObjects(objects: readonly AnyResource[], path: string): readonly AnyResource[] {
  const field = compilePath(path)
  const keyed = objects.map((object) => ({ object, key: sortKey(field.find(object)[0], path) }))
  keyed.sort((a, b) => compareKeys(a.key, b.key))
  return keyed.map(({ object }) => object)
}

type SortKey = string | number | undefined

function sortKey(value: unknown, path: string): SortKey {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value !== 'string')
    throw new NsctlError('Usage', `--sort-by ${path} leads to a ${Array.isArray(value) ? 'list' : 'map'}`, {
      value: path,
      next: 'name a field that holds text or a number: --sort-by=.metadata.name',
    })
  return quantityOf(value) ?? value
}

/** Quantities in one unit; undefined for text that is none. */
function quantityOf(text: string): number | undefined {
  if (/^[0-9]+m$/.test(text)) return parseCpuMillis(text) / 1000
  if (/^[0-9]+(\.[0-9]+)?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/.test(text)) return parseMemoryBytes(text)
  return undefined
}

function compareKeys(a: SortKey, b: SortKey): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return compareText(String(a), String(b))
}

/** `web-2` before `web-10`. */
export function compareText(a: string, b: string): number {
  const [left, right] = [a.match(/\d+|\D+/g) ?? [], b.match(/\d+|\D+/g) ?? []]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x, y] = [left[i] as string, right[i] as string]
    if (x === y) continue
    const [m, n] = [Number(x), Number(y)]
    if (!Number.isNaN(m) && !Number.isNaN(n) && m !== n) return m - n
    return x < y ? -1 : 1
  }
  return left.length - right.length
}
