/**
 * What is written for the nodes that a commit concerns, so that each node's agent is woken by its own changes alone. A
 * node's scope is one key that tells its last commits. A commit that concerns too many nodes drops all scopes instead:
 * agents start over and make theirs anew.
 */
import type { KvEntry, KvOperation } from './client.ts'
import { type Layout, nodeOfKey } from './layout.ts'
import { guardOf } from './plan.ts'
import { MAX_KV_OPERATIONS, pages } from './reading.ts'
import { type Changed, decodeScope, encodeScope, encodeUntold, type ScopeItem } from './records.ts'
import { operationBytes } from './sizes.ts'

/** A scope tells this many commits, and this many characters of keys, of what is older. */
const MAX_ITEMS = 16
const MAX_CHARACTERS = 2_048

const MAX_KNOWN = 2_048
/** So often others may be faster with a scope before it is written whatever it says by then. */
const MAX_REFUSALS = 2

/** The scopes that this process has written, as it left them. Another may have moved them on: Consul says so. */
export class ScopeCache {
  readonly #layout: Layout
  readonly #read: (keys: readonly string[]) => Promise<ReadonlyMap<string, KvEntry>>
  readonly #known = new Map<string, KvEntry>()
  /** How often each was refused since it was written last. */
  readonly #refusals = new Map<string, number>()

  /** @param read what is there of some of Consul's keys, at most MAX_KV_OPERATIONS */
  constructor(layout: Layout, read: (keys: readonly string[]) => Promise<ReadonlyMap<string, KvEntry>>) {
    this.#layout = layout
    this.#read = read
  }

  /** The operations that tell the nodes of a commit. */
  async operations(changes: ReadonlyMap<string, Changed>, size: ScopeRoom): Promise<readonly KvOperation[]> {
    if (changes.size === 0) return []
    const layout = this.#layout
    const keyOf = new Map([...changes.keys()].map((node) => [node, layout.scope(node)]))
    const unknown = [...keyOf.values(), layout.wide].filter((key) => !this.#known.has(key))
    for (const page of pages(unknown, MAX_KV_OPERATIONS))
      for (const [key, entry] of await this.#read(page)) this.#known.set(key, entry)
    const scopes = new Map([...keyOf].map(([node, key]) => [node, this.#known.get(key)]))
    const wide = this.#known.get(layout.wide) ?? { key: layout.wide, value: '', index: 0 }
    const refused = (key: string) => (this.#refusals.get(key) ?? 0) >= MAX_REFUSALS
    return scopeOperations(layout, changes, { scopes, wide, refused }, size)
  }

  /** It is so by now: spares reading it where another has moved it on. */
  heard(entry: KvEntry): void {
    const known = this.#known.get(entry.key)
    if (known !== undefined && known.index < entry.index) this.#known.set(entry.key, entry)
  }

  /** They went through, at `revision`. */
  written(operations: readonly KvOperation[], revision: number): void {
    if (this.#known.size > MAX_KNOWN) this.forget()
    for (const { Verb, Key, Value = '' } of operations) {
      if (Verb === 'delete-tree') this.forget()
      this.#refusals.delete(Key)
      if (Verb !== 'cas' && !(Verb === 'set' && Key.startsWith(this.#layout.scopes))) continue
      this.#known.set(Key, { key: Key, value: Buffer.from(Value, 'base64').toString(), index: revision })
    }
  }

  /** Nothing of a commit happened. @param operations of the scopes, those that stood in the way */
  refused(operations: readonly KvOperation[]): void {
    this.forget()
    for (const { Key } of operations) this.#refusals.set(Key, (this.#refusals.get(Key) ?? 0) + 1)
  }

  forget(): void {
    this.#known.clear()
  }
}

/** What `changed` means for each node that it concerns. */
export function changesByNode(changed: readonly Changed[]): ReadonlyMap<string, Changed> {
  const byNode = new Map<string, { put: string[]; delete: string[] }>()
  const add = (key: string, kind: keyof Changed) => {
    const node = nodeOfKey(key)
    if (node === undefined) return
    const own = byNode.get(node) ?? { put: [], delete: [] }
    byNode.set(node, own)
    own[kind].push(key)
  }
  for (const one of changed) {
    for (const key of one.put) add(key, 'put')
    for (const key of one.delete) add(key, 'delete')
  }
  return byNode
}

/** The scopes of some nodes as they are, and the key that tells when all were dropped last. */
interface KnownScopes {
  readonly scopes: ReadonlyMap<string, KvEntry | undefined>
  readonly wide: KvEntry
  /** Others have been faster with it too often: its agent, or who has that agent's credential, must not keep others from committing. */
  readonly refused: (key: string) => boolean
}

/** What the rest of the transaction leaves. */
export interface ScopeRoom {
  /** At least 2. */
  readonly operations: number
  readonly bytes: number
  /** Of the commit. */
  readonly id: string
}

/**
 * The operations that tell the nodes, in the room that there is: all that changed; where that is too long only that there was
 * a change; where these are too many that there was one for anybody. Fail where a scope is not as known any more.
 */
function scopeOperations(
  layout: Layout,
  changes: ReadonlyMap<string, Changed>,
  known: KnownScopes,
  room: ScopeRoom,
): readonly KvOperation[] {
  const { scopes, wide, refused } = known
  const untold = encodeUntold(room.id)
  const told = [...changes].map(([node, changed]) =>
    refused(layout.scope(node)) ? untold : nextScope(scopes.get(node), wide, changed, untold),
  )
  for (const values of [told, told.map(() => untold)]) {
    const operations = writeScopes(layout, [...changes.keys()], values, known)
    const bytes = operations.reduce((sum, operation) => sum + operationBytes(operation), 0)
    if (operations.length <= room.operations && bytes <= room.bytes) return operations
  }
  return dropScopes(layout, room.id)
}

function writeScopes(
  layout: Layout,
  nodes: readonly string[],
  values: readonly string[],
  { scopes, wide, refused }: KnownScopes,
): readonly KvOperation[] {
  const operations = nodes.map((node, i): KvOperation => {
    const [Key, Value] = [layout.scope(node), Buffer.from(values[i]!).toString('base64')]
    if (refused(Key)) return { Verb: 'set', Key, Value }
    return { Verb: 'cas', Key, Value, Index: scopes.get(node)?.index ?? 0 }
  })
  // one that is made anew must not miss that all were dropped in between
  const isNew = nodes.some((node) => scopes.get(node) === undefined)
  return isNew ? [guardOf(layout.wide, wide.index), ...operations] : operations
}

function dropScopes(layout: Layout, id: string): readonly KvOperation[] {
  return [
    { Verb: 'delete-tree', Key: layout.scopes },
    { Verb: 'set', Key: layout.wide, Value: Buffer.from(id).toString('base64') },
  ]
}

/** A scope that tells nothing yet, for a node that has none. */
export function emptyScope(wide: KvEntry): string {
  return encodeScope(wide.index, [])
}

function nextScope(before: KvEntry | undefined, wide: KvEntry, changed: Changed, untold: string): string {
  if (sizeOf(changed) > MAX_CHARACTERS) return untold
  const record = before && decodeScope(before.value, before.index)
  const told = record?.items ?? []
  const kept = keepLatest(told, MAX_CHARACTERS - sizeOf(changed))
  const dropped = told[told.length - kept.length - 1]
  // what cannot be read is as good as dropped
  const since = before !== undefined && record === undefined ? before.index : (record?.since ?? wide.index)
  return encodeScope(dropped?.at ?? since, kept, changed)
}

function keepLatest(items: readonly ScopeItem[], characters: number): readonly ScopeItem[] {
  let left = characters
  let from = items.length
  while (from > 0 && items.length - from < MAX_ITEMS - 1) {
    left -= sizeOf(items[from - 1]!)
    if (left < 0) break
    from--
  }
  return items.slice(from)
}

function sizeOf(changed: Changed): number {
  return [...changed.put, ...changed.delete].reduce((sum, key) => sum + key.length + 3, 0)
}
