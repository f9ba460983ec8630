/** The client over the api in this process: commands commit to the store themselves and the daemon hears of it there. */
import type { ResourceApi, ResourceReader } from '../api/api.ts'
import type { AnyResource, ObjectRef } from '../resources/object.ts'
import type { RuntimeReader } from '../runtimes/runtime.ts'
import type { HistoryReader } from '../telemetry/history/history.ts'
import type { UsageReader } from '../telemetry/scrape/usage.ts'
import { type Beside, connectTo, type InstanceFields, readLogs, runBeside } from './beside.ts'
import type { Client, DaemonState } from './client.ts'
import { readAsHeard } from './heard.ts'
import type { RemoteNodes } from './remote.ts'

export interface LocalClientOptions {
  readonly api: ResourceApi
  readonly storeUrl: string
  readonly daemon: () => Promise<DaemonState>
  /** What reads logs and runs commands beside programs on this machine; opened with the first use. */
  readonly openReader: (node: string) => Promise<RuntimeReader>
  /** The nodes on other machines; opened with the first use. */
  readonly openNodes: () => Promise<RemoteNodes>
  /** What was decided and measured; opened with the first use. */
  readonly openHistory: () => Promise<HistoryReader>
  /** What asks nodes what they use; opened with the first use. */
  readonly openUsage: () => Promise<UsageReader>
  /** Frees the store. */
  readonly close: () => Promise<void>
}

/** The ResourceReader and ResourceEditor parts are the api's own; the rest is of this machine. */
export function createLocalClient(options: LocalClientOptions): Client {
  const { api } = options
  const reading = readAsHeard(api)
  let history: Promise<HistoryReader> | undefined
  let usage: Promise<UsageReader> | undefined
  let nodes: Promise<RemoteNodes> | undefined
  const beside: Beside = {
    openReader: options.openReader,
    openNodes() {
      nodes ??= options.openNodes()
      return nodes
    },
  }
  return {
    get kinds() {
      return api.kinds
    },
    storeUrl: options.storeUrl,
    daemon: options.daemon,
    refreshKinds: () => api.refreshKinds(),
    ...reading,
    history: (ref) => api.history(ref),
    audit: (query) => api.audit(query),
    apply: (manifests, how) => api.apply(manifests, how),
    create: (manifest, how) => api.create(manifest, how),
    replace: (object, how) => api.replace(object, how),
    patch: (ref, type, patch, how) => api.patch(ref, type, patch, how),
    scale: (ref, replicas, how) => api.scale(ref, replicas, how),
    rollback: (ref, how) => api.rollback(ref, how),
    delete: (ref, how) => api.delete(ref, how),
    trustNode: (name, choose, how) => api.trustNode(name, choose, how),
    logs: (request, signal) => readLogs(beside, request, signal),
    exec: (request, signal) => runBeside(beside, request, signal),
    connect: (request, signal) => connectTo(beside, request, signal),
    async scalerHistory(query) {
      history ??= options.openHistory()
      return (await history).list(query)
    },
    async usage(nodes, signal) {
      usage ??= options.openUsage()
      return (await usage).look(nodes, signal)
    },
    resolveInstance: (ref) => resolveInstance({ kinds: api.kinds, list: reading.list }, ref),
    async close() {
      const opened = await usage?.catch(() => undefined)
      opened?.close()
      const asked = await nodes?.catch(() => undefined)
      asked?.close()
      await api.flush()
      await options.close()
    },
  }
}

/** By full name, else `web-0`: the instance of that ordinal that is not on its way out, the newest of several. */
async function resolveInstance(
  api: Pick<ResourceReader, 'kinds' | 'list'>,
  ref: ObjectRef,
): Promise<AnyResource | undefined> {
  const kind = api.kinds.byKind('Instance')
  const { items } = await api.list(kind, ref.namespace === undefined ? {} : { namespace: ref.namespace })
  const exact = items.find((item) => item.metadata.name === ref.name)
  if (exact !== undefined) return exact
  const ofOrdinal = items.filter((item) => {
    const spec = item.spec as unknown as InstanceFields
    return `${spec.service}-${spec.ordinal}` === ref.name
  })
  const age = (item: AnyResource) =>
    `${item.metadata.deletionTimestamp === undefined}${item.metadata.creationTimestamp}`
  return ofOrdinal.toSorted((a, b) => (age(a) < age(b) ? 1 : -1))[0]
}
