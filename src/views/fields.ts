/** Reading fields of objects whose shape is only known to their schema: what is missing or of another type is absent. */
import { isObject, valueAt } from '../core/json.ts'

function at(value: unknown, path: string): unknown {
  return valueAt(value, path.split('.'))
}

/** Text at a dotted path; absent where it is empty. */
export function textAt(value: unknown, path: string): string | undefined {
  const found = at(value, path)
  return typeof found === 'string' && found !== '' ? found : undefined
}

export function numberAt(value: unknown, path: string): number | undefined {
  const found = at(value, path)
  return typeof found === 'number' ? found : undefined
}

export function flagAt(value: unknown, path: string): boolean | undefined {
  const found = at(value, path)
  return typeof found === 'boolean' ? found : undefined
}

/** The maps of a list at a dotted path; none where there is no list. */
export function mapsAt(value: unknown, path: string): readonly Record<string, unknown>[] {
  const found = at(value, path)
  return Array.isArray(found) ? found.filter(isObject) : []
}

/** The texts of a list at a dotted path. */
export function textsAt(value: unknown, path: string): readonly string[] {
  const found = at(value, path)
  return Array.isArray(found) ? found.filter((item) => typeof item === 'string') : []
}

export function mapAt(value: unknown, path: string): Record<string, unknown> | undefined {
  const found = at(value, path)
  return isObject(found) ? found : undefined
}
