/** What an instance is in a catalog: an entry for each of its ports. Pure. */
import type { Instance } from '../resources/generated/types.ts'
import type { EntryFacts } from './catalog.ts'
import { catalogServiceName } from './service-names.ts'

/** Consul's limits are 64 pairs, and 128 characters a key. */
const MAX_LABELS = 40
const MAX_KEY = 128

/** Whether it belongs into a catalog: it is ready, and nobody has asked for its end. */
export function isAnnounced({ metadata, spec, status }: Instance): boolean {
  // a run of a Job serves nobody
  return status?.ready === true && metadata.deletionTimestamp === undefined && spec.job === undefined
}

/**
 * One for each port that it has, in their order; one where it has none.
 *
 * @param address where its ports are reached
 */
export function factsOf(instance: Instance, address: string): readonly EntryFacts[] {
  const { namespace = '', name } = instance.metadata
  const { service, revisionName, templateHash } = instance.spec
  const about = [namespace, ...(revisionName === undefined ? [] : [revisionName]), templateHash]
  const meta = {
    ...labelsOf(instance),
    'nsctl-namespace': namespace,
    'nsctl-service': service,
    'nsctl-instance': name,
  }
  const ports = instance.status?.ports ?? []
  if (ports.length === 0) {
    const called = catalogServiceName(namespace, service)
    return [{ id: idOf(instance), service: called, address, tags: about, meta }]
  }
  return ports.map(({ name: portName, port }, index) => ({
    id: idOf(instance, index === 0 ? undefined : portName),
    service: catalogServiceName(namespace, service, index === 0 ? undefined : portName),
    address,
    port,
    tags: [...new Set([portName, ...about])],
    meta,
  }))
}

/** The ids of all entries that it can have, whether it has its ports or not. */
export function entryIds(instance: Instance): readonly string[] {
  const others = (instance.spec.template.ports ?? []).slice(1)
  return [idOf(instance), ...others.map(({ name }) => idOf(instance, name))]
}

/** Dots, which no part has, keep `a` + `b-c` and `a-b` + `c` apart. */
function idOf({ metadata }: Instance, port?: string): string {
  return ['nsctl', metadata.namespace ?? '', metadata.name, ...(port === undefined ? [] : [port])].join('.')
}

/** Each under a name that a catalog takes: `app.kubernetes.io/part-of` is `label_app_kubernetes_io_part-of`. */
function labelsOf({ metadata }: Instance): Readonly<Record<string, string>> {
  const labels = Object.entries(metadata.labels ?? {})
    .map(([key, value]) => [`label_${key.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`, value] as const)
    .filter(([key]) => key.length <= MAX_KEY)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(labels.slice(0, MAX_LABELS))
}
