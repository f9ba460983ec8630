/** What a store holds, each entry by what it is, so that the checks can ask for what belongs together. Pure. */
import { isObject } from '../../core/json.ts'
import type { KindRegistry } from '../../resources/kinds.ts'
import type { AnyResource } from '../../resources/object.ts'
import type { Entry } from '../../store/store.ts'
import { objectKey } from '../keys.ts'
import { type KnownKey, parseKey } from '../parse-key.ts'

/** An entry whose key is one of ours and whose text is what belongs there. */
export interface Item<K extends KnownKey = KnownKey> {
  readonly entry: Entry
  readonly known: K
  /** Parsed; the text itself where none is JSON: a placement's node, a claim's holder. */
  readonly value: unknown
}

type Holder = Extract<KnownKey, { holds: 'object' | 'spec' }>

/** An object, or the half of it that holds its metadata. */
export interface ObjectItem extends Item<Holder> {
  readonly object: AnyResource
}

export interface Contents {
  /** All that could be read, by key. */
  readonly items: ReadonlyMap<string, Item>
  readonly objects: readonly ObjectItem[]
  readonly uids: ReadonlySet<string>
  /** Names of the Nodes that there are. */
  readonly nodes: ReadonlySet<string>
  /** `group/plural` of the kinds of whole objects, and `plural` of those that belong to nodes. */
  readonly kinds: ReadonlySet<string>
  /** By `group/plural` of users' kinds: the versions that their definitions have. */
  readonly versions: ReadonlyMap<string, ReadonlySet<string>>
  /** Keys that are none of ours. */
  readonly foreign: readonly Entry[]
  /** Entries that hold what nsctl does not write there, and why. */
  readonly unreadable: readonly { readonly entry: Entry; readonly why: string }[]
}

/** `kinds`: our own; those of the users are read off their definitions among `entries`. */
export function readContents(entries: readonly Entry[], kinds: KindRegistry): Contents {
  const items = new Map<string, Item>()
  const objects: ObjectItem[] = []
  const foreign: Entry[] = []
  const unreadable: { entry: Entry; why: string }[] = []
  for (const entry of entries) {
    const known = parseKey(entry.key)
    const read = known && readItem(entry, known)
    if (read === undefined) foreign.push(entry)
    else if (typeof read === 'string') unreadable.push({ entry, why: read })
    else {
      items.set(entry.key, read)
      if (isObjectItem(read)) objects.push(read)
    }
  }
  const uids = new Set(objects.map(({ object }) => object.metadata.uid ?? ''))
  return {
    items,
    objects,
    uids,
    nodes: nodesAmong(objects, kinds),
    kinds: kindsAmong(objects, kinds),
    versions: versionsAmong(objects),
    foreign,
    unreadable,
  }
}

/** What is wrong with it where it is a text. */
function readItem(entry: Entry, known: KnownKey): Item | ObjectItem | string {
  const { holds } = known
  if (holds === 'store') return { entry, known, value: entry.value }
  if (holds === 'placement')
    return entry.value === '' ? 'it names no node' : { entry, known, value: entry.value }
  if (holds === 'claim') return entry.value === '' ? 'it names nobody' : { entry, known, value: entry.value }
  let value: unknown
  try {
    value = JSON.parse(entry.value)
  } catch {
    return 'it is not JSON'
  }
  if (holds !== 'revision spec' && holds !== 'status' && !isObject(value)) return 'it is JSON, but no object'
  if (holds !== 'object' && holds !== 'spec') return { entry, known, value }
  const why = whyNoObject(value, known)
  return why ?? ({ entry, known, value, object: value as AnyResource } as ObjectItem)
}

function whyNoObject(value: unknown, { address }: Holder): string | undefined {
  const metadata = isObject(value) ? value.metadata : undefined
  if (!isObject(metadata) || !isObject(value)) return 'it is JSON, but no object of nsctl'
  if (typeof value.kind !== 'string' || typeof value.apiVersion !== 'string')
    return 'it does not say its kind'
  if (metadata.name !== address.name) return `the object in it is called ${String(metadata.name)}`
  if (metadata.namespace !== address.namespace)
    return `the object in it is in namespace ${String(metadata.namespace)}`
  if (typeof metadata.uid !== 'string') return 'the object in it has no uid'
  return undefined
}

function isObjectItem(item: Item | ObjectItem): item is ObjectItem {
  return 'object' in item
}

function nodesAmong(objects: readonly ObjectItem[], kinds: KindRegistry): ReadonlySet<string> {
  const kind = kinds.byKind('Node')
  const names = objects.map(({ object }) => object.metadata.name)
  const keys = new Set(objects.map(({ entry }) => entry.key))
  return new Set(names.filter((name) => keys.has(objectKey({ kind, namespace: undefined, name }))))
}

function kindsAmong(objects: readonly ObjectItem[], kinds: KindRegistry): ReadonlySet<string> {
  const ours = kinds.all().map(({ group, plural, perNode }) => (perNode ? plural : `${group}/${plural}`))
  const users = objects.flatMap(({ object }) => {
    const { group, names } = (object.spec ?? {}) as { readonly group?: unknown; readonly names?: unknown }
    const isDefinition = object.kind === 'CustomResourceDefinition' && isObject(names)
    return isDefinition ? [`${String(group)}/${String(names.plural)}`] : []
  })
  return new Set([...ours, ...users])
}

function versionsAmong(objects: readonly ObjectItem[]): ReadonlyMap<string, ReadonlySet<string>> {
  const versions = new Map<string, ReadonlySet<string>>()
  for (const { object } of objects) {
    const spec: unknown = object.kind === 'CustomResourceDefinition' ? object.spec : undefined
    if (!isObject(spec) || !isObject(spec.names) || !Array.isArray(spec.versions)) continue
    const names = spec.versions.map((version) => String(isObject(version) ? version.name : version))
    versions.set(`${spec.group}/${spec.names.plural}`, new Set(names))
  }
  return versions
}
