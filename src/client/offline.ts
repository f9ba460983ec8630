/** Validation without a store: what admission would say of manifests if every namespace that they name were there. */
import type { Manifest } from '../api/api.ts'
import { isNsctlError, type NsctlError } from '../core/errors.ts'
import { API_VERSION, DEFAULT_NAMESPACE } from '../resources/object.ts'
import type { Client } from './client.ts'

export interface OfflineVerdict {
  /** Documents without a fault. */
  readonly valid: number
  readonly faults: readonly NsctlError[]
  /** What is accepted and does not act as written, each once. */
  readonly warnings: readonly string[]
}

/** Judges `manifests` on a client over an empty store. Nothing is written. */
export async function validateOffline(
  client: Client,
  manifests: readonly Manifest[],
  namespace: string,
): Promise<OfflineVerdict> {
  const assumed = assumedNamespaces(manifests, namespace)
  const result = await client.apply([...assumed, ...manifests], {
    actor: { name: 'validate' },
    dryRun: true,
    partial: true,
    namespace,
  })
  return {
    valid: result.results.length - assumed.length,
    warnings: [...new Set(result.results.flatMap(({ warnings }) => warnings))],
    faults: result.failed.map(({ error }) => {
      if (isNsctlError(error)) return error
      throw error
    }),
  }
}

/** Manifests of the namespaces that documents name and none of them makes. Names that are none are left to admission. */
export function assumedNamespaces(manifests: readonly Manifest[], namespace: string): readonly Manifest[] {
  const made = new Set<unknown>([DEFAULT_NAMESPACE])
  const named = new Set<string>([namespace])
  for (const { object } of manifests) {
    if (object.kind === 'Namespace') made.add(object.metadata.name)
    const given: unknown = object.metadata.namespace
    if (typeof given === 'string' && /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(given)) named.add(given)
  }
  return [...named]
    .filter((name) => !made.has(name))
    .map((name) => ({
      object: { apiVersion: API_VERSION, kind: 'Namespace', metadata: { name } },
      source: 'assumed',
    }))
}
