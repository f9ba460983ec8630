/** What an instance is in a catalog: an entry for each of its ports. Pure. */
import type { Instance } from '../../resources/generated/types.ts'
import { programsOf } from '../../resources/template.ts'
import type { CatalogCheck, CatalogEntry } from '../../traffic/catalog.ts'
import { catalogServiceName } from '../../traffic/service-names.ts'
import { resolveProbe } from '../instance/probing.ts'

/** Renewed with every look, which comes far more often; a daemon that is replaced by another takes seconds. */
const TTL_MS = 60_000
/** Where the service says nothing of how to see whether it lives. */
const DEFAULT_PACE = { periodMs: 2_000, timeoutMs: 1_000, failureThreshold: 3 } as const
/** Consul's limits are 64 pairs, and 128 characters a key. */
const MAX_LABELS = 40
const MAX_KEY = 128

/** Whether it belongs into a catalog: it is ready, and nobody has asked for its end. */
export function isAnnounced({ metadata, spec, status }: Instance): boolean {
  // a run of a Job serves nobody
  return status?.ready === true && metadata.deletionTimestamp === undefined && spec.job === undefined
}

/** @param address where its ports are reached */
export function entriesOf(instance: Instance, address: string): readonly CatalogEntry[] {
  const { namespace = '', name } = instance.metadata
  const { service, revisionName, templateHash, template } = instance.spec
  const about = [namespace, ...(revisionName === undefined ? [] : [revisionName]), templateHash]
  const meta = {
    ...labelsOf(instance),
    'nsctl-namespace': namespace,
    'nsctl-service': service,
    'nsctl-instance': name,
  }
  const probed = readinessChecks(instance, address)
  const ports = instance.status?.ports ?? []
  if (ports.length === 0) {
    const checks = probed.length > 0 ? probed : [{ kind: 'ttl', ttlMs: TTL_MS } as const]
    const called = catalogServiceName(namespace, service)
    return [{ id: idOf(instance), service: called, address, tags: about, meta, checks }]
  }
  return ports.map(({ name: portName, port }, index): CatalogEntry => {
    const isTcp = template.ports?.find((one) => one.name === portName)?.protocol !== 'UDP'
    const own: CatalogCheck = isTcp
      ? { kind: 'tcp', host: address, port, ...DEFAULT_PACE }
      : { kind: 'ttl', ttlMs: TTL_MS }
    return {
      id: idOf(instance, index === 0 ? undefined : portName),
      service: catalogServiceName(namespace, service, index === 0 ? undefined : portName),
      address,
      port,
      tags: [...new Set([portName, ...about])],
      meta,
      checks: probed.length > 0 ? probed : [own],
    }
  })
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

/** What its readiness probes ask over the network the catalog asks as well. A command it cannot run. */
function readinessChecks(instance: Instance, address: string): readonly CatalogCheck[] {
  const ports = instance.status?.ports ?? []
  return programsOf(instance.spec.template).flatMap(({ readiness }): readonly CatalogCheck[] => {
    if (readiness === undefined || readiness.exec !== undefined) return []
    const { check, periodMs, timeoutMs, failureThreshold } = resolveProbe(readiness, ports)
    const pace = { periodMs, timeoutMs, failureThreshold }
    if (check.kind === 'tcp') return [{ kind: 'tcp', host: address, port: check.port, ...pace }]
    if (check.kind !== 'http') return []
    const host = address.includes(':') ? `[${address}]` : address
    return [{ kind: 'http', url: `http://${host}:${check.port}${check.path}`, ...pace }]
  })
}

/** Each under a name that a catalog takes: `app.kubernetes.io/part-of` is `label_app_kubernetes_io_part-of`. */
function labelsOf({ metadata }: Instance): Readonly<Record<string, string>> {
  const labels = Object.entries(metadata.labels ?? {})
    .map(([key, value]) => [`label_${key.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`, value] as const)
    .filter(([key]) => key.length <= MAX_KEY)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(labels.slice(0, MAX_LABELS))
}
