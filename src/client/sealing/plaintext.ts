/** What a Secret's document says in plain text: `stringData` and `data`, as in Kubernetes. Messages never repeat a value. */
import { isObject, type Path } from '../../core/json.ts'
import type { AnyResource } from '../../resources/object.ts'
import { isValueKey, VALUE_KEY_RULE } from '../../resources/value-key.ts'

/** One thing wrong with a document. */
export interface PlainIssue {
  readonly path: Path
  readonly message: string
}

export interface PlainSecret {
  readonly values: ReadonlyMap<string, Uint8Array>
  /** Where each value stands: `stringData` or `data`. */
  readonly members: ReadonlyMap<string, 'stringData' | 'data'>
  readonly issues: readonly PlainIssue[]
  /** The document without them, and without what only Kubernetes has use for. */
  readonly rest: AnyResource
}

/** kubectl's, which repeats the values of what it was applied to. */
const REPEATS_VALUES = 'kubectl.kubernetes.io/last-applied-configuration'

/** A key that stands in both has the value of `stringData`, as in Kubernetes. */
export function plaintextOf(object: AnyResource): PlainSecret {
  const { stringData, data, immutable, type, ...rest } = object
  const values = new Map<string, Uint8Array>()
  const members = new Map<string, 'stringData' | 'data'>()
  const issues: PlainIssue[] = []
  for (const [member, map] of [
    ['data', data],
    ['stringData', stringData],
  ] as const) {
    if (map === undefined || map === null) continue
    if (!isObject(map)) {
      issues.push({ path: [member], message: `${member}: must be an object of keys and values` })
      continue
    }
    for (const [key, given] of Object.entries(map)) {
      const read = isValueKey(key) ? bytesOf(member, given) : `${VALUE_KEY_RULE}`
      if (typeof read === 'string') issues.push({ path: [member, key], message: `${member}.${key}: ${read}` })
      else values.set(key, read)
      members.set(key, member)
    }
  }
  return { values, members, issues, rest: ours(rest as AnyResource, { immutable, type }) }
}

/** The bytes, or what is wrong with them. */
function bytesOf(member: 'stringData' | 'data', given: unknown): Uint8Array | string {
  if (typeof given !== 'string')
    return given === null ? 'must be a string, and is empty' : 'must be a string: put it into quotes'
  if (member === 'stringData') return Buffer.from(given, 'utf8')
  const text = given.replaceAll(/\s/g, '')
  const isBase64 = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
  return isBase64 ? Buffer.from(text, 'base64') : 'must be base64; plain text belongs into stringData'
}

/** Kubernetes' `immutable` has its place in spec here; `type: Opaque` says nothing. */
function ours(
  rest: AnyResource,
  { immutable, type }: { readonly immutable: unknown; readonly type: unknown },
): AnyResource {
  const spec = immutable === undefined ? rest.spec : { immutable, ...rest.spec }
  const { annotations, ...metadata } = rest.metadata
  const isRepeated = annotations?.[REPEATS_VALUES] !== undefined
  const kept = Object.entries(annotations ?? {}).filter(([name]) => name !== REPEATS_VALUES)
  return {
    ...rest,
    ...(isRepeated ? { metadata: { ...metadata, annotations: Object.fromEntries(kept) } } : {}),
    ...(type === undefined || type === 'Opaque' ? {} : { type }),
    ...(spec === undefined ? {} : { spec }),
  } as AnyResource
}
