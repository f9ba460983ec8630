/** What an instance is in its node's catalog: an entry for each of its ports, and how the catalog sees whether it lives. Pure. */
import type { Instance } from '../../resources/generated/types.ts'
import { programsOf } from '../../resources/template.ts'
import type { CatalogCheck, CatalogEntry } from '../../traffic/catalog.ts'
import { factsOf } from '../../traffic/entries.ts'
import { resolveProbe } from '../instance/probing.ts'

/** Renewed with every look, which comes far more often; a daemon that is replaced by another takes seconds. */
const TTL_MS = 60_000
/** Where the service says nothing of how to see whether it lives. */
const DEFAULT_PACE = { periodMs: 2_000, timeoutMs: 1_000, failureThreshold: 3 } as const

/** @param address where its ports are reached */
export function entriesOf(instance: Instance, address: string): readonly CatalogEntry[] {
  const probed = readinessChecks(instance, address)
  return factsOf(instance, address).map((facts, index) => ({
    ...facts,
    checks: probed.length > 0 ? probed : [ownCheck(instance, address, index)],
  }))
}

function ownCheck({ spec, status }: Instance, address: string, index: number): CatalogCheck {
  const given = status?.ports?.[index]
  const isUdp = spec.template.ports?.find(({ name }) => name === given?.name)?.protocol === 'UDP'
  if (given === undefined || isUdp) return { kind: 'ttl', ttlMs: TTL_MS }
  return { kind: 'tcp', host: address, port: given.port, ...DEFAULT_PACE }
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
