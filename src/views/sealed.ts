/** Sealed values in words: what of them changed, instead of walls of ciphertext. */
import { isObject, type Path } from '../core/json.ts'
import type { AnyResource } from '../resources/object.ts'
import { textAt } from './fields.ts'

const AGE_FILE = '-----BEGIN AGE ENCRYPTED FILE-----'

/** True for the text of an armored age file. */
export function isSealedText(value: unknown): boolean {
  return typeof value === 'string' && value.trimStart().startsWith(AGE_FILE)
}

/**
 * The object with a line in place of each sealed value: `version x7f2k9q1mm`, and where it differs from that of `before` how. Itself
 * where it is no Secret.
 */
export function withoutCiphertext(object: AnyResource, before?: AnyResource): AnyResource {
  if (object.kind !== 'Secret' || !isObject(object.spec?.sealed)) return object
  const old = isObject(before?.spec?.sealed) ? before.spec.sealed : {}
  const sealed: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(object.spec.sealed)) sealed[key] = lineOf(value, old[key])
  return { ...object, spec: { ...object.spec, sealed } } as AnyResource
}

function lineOf(value: unknown, before: unknown): string {
  const version = textAt(value, 'version')
  const line = `version ${version ?? '?'}`
  if (before === undefined || textAt(before, 'age') === textAt(value, 'age')) return line
  return textAt(before, 'version') === version ? `${line}, sealed anew` : `${line}, changed (sealed anew)`
}

/** One change, as the api lists them: leaves only. */
interface Leaf {
  readonly path: Path
  readonly from?: unknown
  readonly to?: unknown
}

/** A sealed value among changes: its path, and what became of it. */
export interface SealedChange {
  readonly path: Path
  readonly what: 'added' | 'removed' | 'changed' | 'sealed anew'
}

/** Takes the sealed values out of `leaves`: what became of each, and all other changes. */
export function splitSealed<T extends Leaf>(
  leaves: readonly T[],
): { readonly sealed: readonly SealedChange[]; readonly others: readonly T[] } {
  const ciphertexts = leaves.filter(
    ({ path, from, to }) => isCiphertext(path, from) || isCiphertext(path, to),
  )
  if (ciphertexts.length === 0) return { sealed: [], others: leaves }
  const parents = new Set(ciphertexts.map(({ path }) => JSON.stringify(path.slice(0, -1))))
  const others = leaves.filter(({ path }) => !parents.has(JSON.stringify(path.slice(0, -1))))
  const sealed = ciphertexts.map(({ path, from, to }): SealedChange => {
    const value = path.slice(0, -1)
    if (from === undefined) return { path: value, what: 'added' }
    if (to === undefined) return { path: value, what: 'removed' }
    const version = JSON.stringify([...value, 'version'])
    const isOther = leaves.some((leaf) => JSON.stringify(leaf.path) === version)
    return { path: value, what: isOther ? 'changed' : 'sealed anew' }
  })
  return { sealed, others }
}

function isCiphertext(path: Path, value: unknown): boolean {
  return path.at(-1) === 'age' && isSealedText(value)
}

/** `recipients 2 → 3`: keys say nothing to people. Undefined for any other change. */
export function recipientsChange({ path, from = [], to = [] }: Leaf): string | undefined {
  if (path.at(-1) !== 'recipients' || !areKeys(from) || !areKeys(to)) return undefined
  return from.length === to.length ? 'recipients changed' : `recipients ${from.length} → ${to.length}`
}

function areKeys(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string' && one.startsWith('age1'))
}
