/**
 * Reading Instances as they are known to be: what runs on a node that is not heard of says Unknown. Stored stays what the agent wrote last; this is
 * how it reads, in tables and as JSON, as where Kubernetes has a controller write it into a Pod's conditions.
 */
import type { ReadScope, ResourceBatch, ResourceChange, ResourceReader } from '../api/api.ts'
import type { Instance, Node } from '../resources/generated/types.ts'
import { asHeard, silenceOf } from '../resources/heard.ts'
import type { Kind } from '../resources/kinds.ts'
import { type AnyResource, GROUP, type ObjectRef, type Resource } from '../resources/object.ts'

type Reading = Pick<ResourceReader, 'get' | 'list' | 'listAll' | 'watch'>
type Nodes = ReadonlyMap<string, Node>

/**
 * `reader`, with Instances as they are known to be. A watch of Instances has everything listed anew when a node falls silent or is heard of
 * again: what runs there reads differently then, though none of it was written.
 */
export function readAsHeard(reader: ResourceReader): Reading {
  return {
    async get<T extends Resource = AnyResource>(ref: ObjectRef) {
      const object = await reader.get<T>(ref)
      if (object === undefined || !isInstance(object)) return object
      const name = (object as unknown as Instance).spec.node
      const node = await reader.get({ kind: 'Node', name })
      return seen(object, nodesOf(node === undefined ? [] : [node]))
    },
    async list<T extends Resource = AnyResource>(kind: Kind, scope?: ReadScope) {
      if (!isOfInstances(kind)) return reader.list<T>(kind, scope)
      const { lists, revision } = await reader.listAll([kind, reader.kinds.byKind('Node')], scope)
      const [instances = [], nodes = []] = lists
      const known = nodesOf(nodes)
      return { items: instances.map((one) => seen(one, known)) as unknown as readonly T[], revision }
    },
    async listAll(kinds, scope) {
      if (!kinds.some(isOfInstances)) return reader.listAll(kinds, scope)
      const { lists, revision } = await reader.listAll([...kinds, ...missingNodes(reader, kinds)], scope)
      const at = kinds.findIndex(isOfNodes)
      const known = nodesOf(lists[at < 0 ? kinds.length : at] ?? [])
      const shown = kinds.map((kind, i) =>
        isOfInstances(kind) ? (lists[i] ?? []).map((one) => seen(one, known)) : (lists[i] ?? []),
      )
      return { lists: shown, revision }
    },
    watch: (kinds, from, signal, scope) =>
      kinds.some(isOfInstances)
        ? watchAsHeard(reader, kinds, from, signal, scope)
        : reader.watch(kinds, from, signal, scope),
  }
}

async function* watchAsHeard(
  reader: ResourceReader,
  kinds: readonly Kind[],
  from: number,
  signal: AbortSignal,
  scope: ReadScope | undefined,
): AsyncGenerator<ResourceBatch> {
  const missing = missingNodes(reader, kinds)
  const { items } = await reader.list<AnyResource>(reader.kinds.byKind('Node'))
  const known = new KnownNodes(items, from)
  for await (const batch of reader.watch([...kinds, ...missing], from, signal, scope)) {
    if (batch.kind === 'relist') {
      yield batch
      continue
    }
    const moved = batch.changes.filter((change) => change.ref.kind === 'Node' && known.note(change))
    const changes = batch.changes
      .filter(({ ref }) => missing.length === 0 || ref.kind !== 'Node')
      .map((change) =>
        change.kind === 'put' ? { ...change, object: seen(change.object, known.nodes) } : change,
      )
    if (changes.length > 0) yield { ...batch, changes }
    if (moved.length > 0) yield { kind: 'relist', revision: batch.revision }
  }
}

class KnownNodes {
  readonly nodes: Map<string, Node>
  /** Whoever watches has listed before, at `from`: how a node stood then that was written since is not known. */
  readonly #unsure: Set<string>

  constructor(nodes: readonly AnyResource[], from: number) {
    this.nodes = new Map(nodesOf(nodes))
    const later = nodes.filter(({ metadata }) => Number(metadata.resourceVersion) > from)
    this.#unsure = new Set(later.map(({ metadata }) => metadata.name))
  }

  /** Whether what runs there may read differently from now on. */
  note(change: ResourceChange): boolean {
    const { name } = change.ref
    const wasUnsure = this.#unsure.delete(name)
    const before = silenceOf(this.nodes.get(name))
    if (change.kind === 'put') this.nodes.set(name, change.object as unknown as Node)
    else this.nodes.delete(name)
    return wasUnsure || silenceOf(this.nodes.get(name)) !== before
  }
}

function missingNodes(reader: ResourceReader, kinds: readonly Kind[]): readonly Kind[] {
  return kinds.some(isOfNodes) ? [] : [reader.kinds.byKind('Node')]
}

function isOfInstances({ group, kind }: Kind): boolean {
  return group === GROUP && kind === 'Instance'
}

function isOfNodes({ group, kind }: Kind): boolean {
  return group === GROUP && kind === 'Node'
}

function isInstance({ kind, apiVersion }: Resource): boolean {
  return kind === 'Instance' && apiVersion.startsWith(`${GROUP}/`)
}

function nodesOf(objects: readonly AnyResource[]): Nodes {
  return new Map(objects.map((one) => [one.metadata.name, one as unknown as Node]))
}

function seen<T extends Resource>(object: T, nodes: Nodes): T {
  if (!isInstance(object)) return object
  const instance = object as unknown as Instance
  return asHeard(instance, nodes.get(instance.spec.node)) as unknown as T
}
