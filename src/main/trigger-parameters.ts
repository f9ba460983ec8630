/** What triggers' parameters are read from besides their metadata: TriggerAuthentications and their target's variables. */

import { CLUSTER_NAMESPACE } from '../controllers/credentials.ts'
import { NsctlError } from '../core/errors.ts'
import type { ObjectCache } from '../engine/cache.ts'
import type {
  ClusterTriggerAuthentication,
  ScaledObjectAuthenticationRef,
  SecretExternal,
  Service,
  TriggerAuthentication,
} from '../resources/generated/types.ts'
import type { ExternalReader } from '../secrets/external.ts'
import type { TargetEnvironment } from '../secrets/target-environment.ts'
import type { ValueResolver } from '../secrets/values.ts'
import type { TriggerOpenerOptions, TriggerOwner } from './triggers.ts'

export interface TriggerParametersOptions {
  /** Of a manager whose controllers watch Services and TriggerAuthentications. */
  readonly cache: Pick<ObjectCache, 'get'>
  readonly values: ValueResolver
  readonly sourceOf: (external: SecretExternal) => Promise<ExternalReader>
}

/** Loads what reads TriggerAuthentications with the first trigger that names one. */
export function triggerParameters({
  cache,
  values,
  sourceOf,
}: TriggerParametersOptions): Pick<TriggerOpenerOptions, 'authenticate' | 'environment'> {
  const environmentOf = ({ namespace, service, template, container }: TriggerOwner): TargetEnvironment => {
    const target = service && cache.get<Service>({ kind: 'Service', ...service })
    return { template: template ?? target?.spec.template, container, namespace }
  }
  return {
    async authenticate(ref, owner, signal) {
      const { spec, namespace } = authenticationOf(ref, owner, cache)
      const [{ resolveAuthentication }, { targetVariable }] = await Promise.all([
        import('../secrets/authentication.ts'),
        import('../secrets/target-environment.ts'),
      ])
      const target = environmentOf(owner)
      const variable = (name: string, container = target.container) =>
        targetVariable(name, { ...target, container }, values)
      return await resolveAuthentication(spec, namespace, { values, variable, vault: sourceOf }, signal)
    },
    async environment(names, owner) {
      const { targetVariable } = await import('../secrets/target-environment.ts')
      const target = environmentOf(owner)
      const found = await Promise.all(
        names.map(async (name) => [name, await targetVariable(name, target, values)] as const),
      )
      return Object.fromEntries(found)
    },
  }
}

/** What a cluster's names is in the control plane's namespace, as KEDA's is in its own. */
function authenticationOf(
  { kind = 'TriggerAuthentication', name }: ScaledObjectAuthenticationRef,
  owner: TriggerOwner,
  cache: Pick<ObjectCache, 'get'>,
) {
  const isCluster = kind === 'ClusterTriggerAuthentication'
  const found = isCluster
    ? cache.get<ClusterTriggerAuthentication>({ kind, name })
    : cache.get<TriggerAuthentication>({ kind, namespace: owner.namespace, name })
  if (found !== undefined)
    return { spec: found.spec, namespace: isCluster ? CLUSTER_NAMESPACE : owner.namespace }
  const where = isCluster ? '' : ` in namespace ${owner.namespace}`
  throw new NsctlError('NotFound', `there is none of that name${where}`, {
    value: name,
    next: `nsctl get ${isCluster ? 'clustertriggerauthentications' : `triggerauthentications -n ${owner.namespace}`}`,
  })
}
