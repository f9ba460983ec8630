/** Reading and watching: entries of the store as objects, those that belong to a node composed of their two halves. */

import type { Kind } from '../resources/kinds.ts'
import type { AnyResource, ObjectRef } from '../resources/object.ts'
import { Recall } from '../store/recall.ts'
import type { Change, Entry, StoreReader } from '../store/store.ts'
import type { ReadScope, ResourceBatch, ResourceChange, SeenRef, WatchScope } from './api.ts'
import { composeObject, decodeObject, type Stored, storedOf } from './codec.ts'
import type { Context } from './context.ts'
import {
  CLUSTER,
  halvesOf,
  listPrefixes,
  NODE_EVENTS,
  namespaceOf,
  type ObjectAddress,
  objectKey,
  parseObjectKey,
  placementKey,
  type Target,
} from './keys.ts'
import { isReported, reportedEvent, statusHalf } from './reported.ts'
import { shownIn, storedIn } from './versions.ts'

/** The kind, namespace and name that `ref` means. */
export async function targetOf({ kinds }: Pick<Context, 'kinds'>, ref: ObjectRef): Promise<Target> {
  const kind = await kinds.find(ref.kind, ref.version)
  return { kind, namespace: namespaceOf(kind, ref.namespace), name: ref.name }
}

/**
 * The object and what its next write must expect. What belongs to a node takes a second look-up, unless the node is the one that we
 * are, or is `known`.
 */
export async function readStored(
  { store, node }: Pick<Context, 'store' | 'node'>,
  target: Target,
  known?: string,
): Promise<Stored | undefined> {
  const { perNode, statusApart } = target.kind
  if (!statusApart) {
    const entry = await store.get(objectKey(target))
    return entry === undefined ? recordedEvent(store, target) : storedIn(target.kind, storedOf(entry))
  }
  const place = perNode ? (node ?? known ?? (await store.get(placementKey(target)))?.value) : undefined
  if (perNode && place === undefined) return undefined
  const halves = halvesOf(target, place)
  const entries = await store.getMany([halves.spec, halves.status])
  const spec = entries.find(({ key }) => key === halves.spec)
  const status = entries.find(({ key }) => key === halves.status)
  return spec && storedOf(spec, statusHalf(target.kind, status))
}

/**
 * The same as far as it is known without asking the store, whose newest it need not be; undefined where something of it is not known.
 * `seen`: where it is, and whether it had no status that lies apart.
 */
export function recallStored(
  { store, node }: Pick<Context, 'store' | 'node'>,
  target: Target,
  seen: Pick<SeenRef, 'node' | 'isWithoutStatus'>,
): Stored | undefined {
  const { perNode, statusApart, family } = target.kind
  // of which version it is, only what is read now says
  if (family !== undefined) return undefined
  const recall = (key: string) => store.recall?.(key)
  if (!statusApart) {
    const entry = recall(objectKey(target))
    return entry && storedOf(entry)
  }
  const place = perNode ? (node ?? seen.node) : undefined
  if (perNode && place === undefined) return undefined
  const halves = halvesOf(target, place)
  const [spec, status] = [recall(halves.spec), recall(halves.status)]
  if (spec === undefined || (status === undefined && seen.isWithoutStatus !== true)) return undefined
  return storedOf(spec, statusHalf(target.kind, status))
}

/** An Event is found by its name whichever agent recorded it. */
async function recordedEvent(store: StoreReader, target: Target): Promise<Stored | undefined> {
  if (!listPrefixes(target.kind, {}).includes(NODE_EVENTS)) return undefined
  const end = `/${target.namespace ?? CLUSTER}/${target.name}`
  const key = (await store.listKeys(NODE_EVENTS)).find((one) => one.endsWith(end))
  const entry = key === undefined ? undefined : await store.get(key)
  const address = entry && parseObjectKey(entry.key)
  const object = address && reportedEvent(entry, address)
  return object && { object, revision: entry?.revision ?? 0, statusRevision: 0, filled: undefined }
}

export async function listObjects(
  context: Pick<Context, 'store' | 'kinds'>,
  kinds: readonly Kind[],
  scope: ReadScope = {},
): Promise<{ readonly lists: readonly (readonly AnyResource[])[]; readonly revision: number }> {
  const prefixes = new Set(kinds.flatMap((kind) => listPrefixes(kind, scope)))
  const { entries, revision } = await context.store.list([...prefixes])
  const only = kinds.length === 1 ? kinds[0] : undefined
  if (only !== undefined && !only.statusApart && prefixes.size === 1)
    return { lists: [await allShownIn(context, only, entries.map(decodeObject))], revision }

  const route = router(kinds, scope)
  const lists = new Map<string, AnyResource[]>(kinds.map((kind) => [kind.kind, []]))
  const halves: [Kind, Entry, ObjectAddress][] = []
  const statuses = new Map<string, Entry>()
  for (const entry of entries) {
    const routed = route(entry.key)
    if (routed === undefined) continue
    const { kind, address } = routed
    if (isReported(address)) {
      const event = reportedEvent(entry, address)
      if (event !== undefined) lists.get(kind.kind)?.push(event)
    } else if (address.part === 'status') statuses.set(entry.key, entry)
    else if (kind.statusApart) halves.push([kind, entry, address])
    else lists.get(kind.kind)?.push(decodeObject(entry))
  }
  for (const [kind, entry, address] of halves) {
    const status = statuses.get(halvesOf(targetAt(kind, address), address.node).status)
    lists.get(kind.kind)?.push(composeObject(entry, statusHalf(kind, status)))
  }
  for (const kind of kinds) if (kind.perNode) lists.get(kind.kind)?.sort(byNamespaceAndName)
  // one kind may be asked for in several versions
  const shown = kinds.map((kind) => allShownIn(context, kind, lists.get(kind.kind) ?? []))
  return { lists: await Promise.all(shown), revision }
}

/** A version that `kind` does not know means that its definition has changed since: then it is read again. */
async function allShownIn(
  { kinds }: Pick<Context, 'kinds'>,
  kind: Kind,
  objects: readonly AnyResource[],
): Promise<readonly AnyResource[]> {
  if (objects.every(({ apiVersion }) => apiVersion === kind.apiVersion)) return objects
  let newest = kind
  if (!objects.every(({ apiVersion }) => kind.family?.knows(apiVersion) === true)) {
    await kinds.refresh()
    newest = kinds.byApiVersion(kind.apiVersion, kind.kind) ?? kind
  }
  return objects.map((object) => shownIn(newest, object))
}

/**
 * Changes of `kinds`. What keeps its status apart is composed anew when either half changes; a half that this watch has not heard of yet is read.
 * A change reported here may thus be newer than its batch, never older than one reported before.
 */
export async function* watchObjects(
  context: Context,
  kinds: readonly Kind[],
  from: number,
  signal: AbortSignal,
  scope: WatchScope = {},
): AsyncGenerator<ResourceBatch> {
  const prefixes = new Set(kinds.flatMap((kind) => listPrefixes(kind, scope)))
  const route = router(kinds, scope)
  let halves = new Recall()
  for await (const batch of context.store.watch([...prefixes], from, signal, scope)) {
    if (batch.kind === 'relist') {
      halves = new Recall()
      yield batch
      continue
    }
    const changes = await decodeChanges(context, { route, halves }, batch.changes)
    if (changes.some((change) => change.ref.kind === 'CustomResourceDefinition'))
      await context.kinds.refresh()
    yield { kind: 'changes', changes, revision: batch.revision }
  }
}

type Route = (key: string) => { readonly kind: Kind; readonly address: ObjectAddress } | undefined

/** Finds the kind among `kinds` that a key belongs to; undefined for other keys and for other namespaces. */
function router(kinds: readonly Kind[], scope: ReadScope): Route {
  const wholes = new Map(
    kinds.filter((kind) => !kind.perNode).map((kind) => [`${kind.group}/${kind.plural}`, kind]),
  )
  const halves = new Map(kinds.filter((kind) => kind.perNode).map((kind) => [kind.plural, kind]))
  return (key) => {
    const address = parseObjectKey(key)
    if (address === undefined) return undefined
    const kind =
      address.group === undefined
        ? halves.get(address.plural)
        : wholes.get(`${address.group}/${address.plural}`)
    if (kind === undefined) return undefined
    const elsewhere = scope.namespace !== undefined && address.namespace !== scope.namespace
    return elsewhere && kind.scope === 'Namespaced' ? undefined : { kind, address }
  }
}

async function decodeChanges(
  context: Context,
  { route, halves }: { readonly route: Route; readonly halves: Recall },
  changes: readonly Change[],
): Promise<readonly ResourceChange[]> {
  const decoded = new Map<string, ResourceChange>()
  const split: { kind: Kind; specKey: string; statusKey: string; ref: ObjectRef; change: Change }[] = []
  for (const change of changes) {
    const routed = route(change.key)
    if (routed === undefined) continue
    const { kind, address } = routed
    const ref = refAt(kind, address)
    if (kind.statusApart) {
      const { spec, status } = halvesOf(targetAt(kind, address), address.node)
      split.push({ kind, specKey: spec, statusKey: status, ref, change })
      continue
    }
    decoded.delete(change.key)
    if (change.kind === 'delete') {
      decoded.set(change.key, { kind: 'delete', ref, revision: change.revision })
      continue
    }
    const object = isReported(address)
      ? reportedEvent(change, address)
      : (await allShownIn(context, kind, [decodeObject(change)]))[0]
    if (object !== undefined) decoded.set(change.key, { kind: 'put', object, ref, revision: change.revision })
  }
  if (split.length === 0) return [...decoded.values()]

  const entries = await halvesAfter(context.store, halves, split)
  for (const { kind, specKey, statusKey, ref, change } of split) {
    const spec = entries.get(specKey)
    if (spec !== undefined && decoded.has(specKey)) continue
    if (spec !== undefined)
      decoded.set(specKey, {
        kind: 'put',
        object: composeObject(spec, statusHalf(kind, entries.get(statusKey))),
        ref,
        revision: change.revision,
      })
    // A status without a spec is what a removal leaves for a moment, and says nothing.
    else if (change.key === specKey) decoded.set(specKey, { kind: 'delete', ref, revision: change.revision })
  }
  return [...decoded.values()]
}

/** What the halves of what changed hold now, or held after the changes. `known` is what the watch has told of before, and takes them in. */
async function halvesAfter(
  store: StoreReader,
  known: Recall,
  split: readonly { readonly specKey: string; readonly statusKey: string; readonly change: Change }[],
): Promise<ReadonlyMap<string, Entry>> {
  const entries = new Map<string, Entry>()
  const gone = new Set<string>()
  for (const { change, specKey, statusKey } of split) {
    if (change.kind === 'put') known.set(change.key, change.value, change.revision)
    else known.delete(change.key, change.revision)
    if (change.kind === 'delete' && known.get(change.key) === undefined) gone.add(change.key)
    // a status goes with its spec: what is new has one only if we are told of it
    if (change.kind === 'put' && change.isNew && change.key === specKey) gone.add(statusKey)
  }
  const unknown = new Set<string>()
  for (const { specKey, statusKey } of split) {
    // nobody asks for the status of what is not there
    for (const key of gone.has(specKey) ? [] : [specKey, statusKey]) {
      const entry = known.get(key)
      if (entry !== undefined) entries.set(key, { key, ...entry })
      else if (!gone.has(key)) unknown.add(key)
    }
  }
  if (unknown.size === 0) return entries
  for (const entry of await store.getMany([...unknown])) {
    known.set(entry.key, entry.value, entry.revision)
    entries.set(entry.key, entry)
  }
  return entries
}

function targetAt(kind: Kind, address: ObjectAddress): Target {
  return { kind, namespace: address.namespace, name: address.name }
}

function refAt(kind: Kind, { namespace, name }: ObjectAddress): ObjectRef {
  return namespace === undefined ? { kind: kind.kind, name } : { kind: kind.kind, namespace, name }
}

function byNamespaceAndName(a: AnyResource, b: AnyResource): number {
  const left = `${a.metadata.namespace}/${a.metadata.name}`
  const right = `${b.metadata.namespace}/${b.metadata.name}`
  return left < right ? -1 : left > right ? 1 : 0
}
