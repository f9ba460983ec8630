/** Makes the Instance and Volume objects that a plan asks for. Pure. */

import { FINALIZERS } from '../../api/api.ts'
import { digest } from '../../core/ids.ts'
import type { JsonObject } from '../../core/json.ts'
import type {
  Instance,
  Service,
  ServiceSpec,
  ServiceStorage,
  ServiceTemplate,
  Volume,
} from '../../resources/generated/types.ts'
import type { Material } from '../../resources/materials.ts'
import { type AnyResource, API_VERSION } from '../../resources/object.ts'

/** A template with all that makes an instance what it is. */
export interface ResolvedTemplate {
  readonly hash: string
  readonly template: ServiceTemplate
  readonly storage: readonly ServiceStorage[]
  readonly unique: boolean
  /** `r7` */
  readonly revisionName: string
  /** What it runs with of Configs and Secrets. */
  readonly materials: readonly Material[]
}

export interface InstanceIdentity {
  readonly ordinal: number
  readonly attempt: number
  readonly node: string
}

/** On a Volume: the uid of the Service that it was made for. */
const MADE_FOR = 'nsctl.dev/made-for'

/** `<service>-<ordinal>-<5 characters>`: the same for the same owner, template, ordinal and attempt. */
export function instanceName(service: Service, hash: string, identity: InstanceIdentity): string {
  const { ordinal, attempt } = identity
  const tail = digest(`${service.metadata.uid}/${hash}/${ordinal}/${attempt}`, 5)
  return `${service.metadata.name}-${ordinal}-${tail}`
}

/** One Instance, as it is created: owned by its Service, held by the finalizer that its agent’s word takes off. */
export function makeInstance(
  service: Service,
  resolved: ResolvedTemplate,
  identity: InstanceIdentity,
  priority = 0,
): AnyResource {
  const { metadata } = service
  return {
    apiVersion: API_VERSION,
    kind: 'Instance',
    metadata: {
      name: instanceName(service, resolved.hash, identity),
      namespace: metadata.namespace,
      ...(metadata.labels === undefined ? {} : { labels: metadata.labels }),
      finalizers: [FINALIZERS.runtime],
      ownerReferences: [
        {
          apiVersion: service.apiVersion,
          kind: service.kind,
          name: metadata.name,
          uid: metadata.uid ?? '',
          controller: true,
        },
      ],
    },
    spec: {
      service: metadata.name,
      ordinal: identity.ordinal,
      node: identity.node,
      templateHash: resolved.hash,
      revisionName: resolved.revisionName,
      attempt: identity.attempt,
      template: resolved.template as unknown as JsonObject,
      ...(resolved.unique ? { unique: true } : {}),
      ...(priority === 0 ? {} : { priority }),
      ...(resolved.storage.length === 0 ? {} : { storage: resolved.storage as unknown as JsonObject[] }),
      ...(resolved.materials.length === 0
        ? {}
        : { materials: resolved.materials as unknown as JsonObject[] }),
    },
  } as AnyResource
}

/** The record of one volume of one ordinal. Owned by nobody: it outlives its Service. */
export function makeVolume(service: Service, volume: string, identity: InstanceIdentity): AnyResource {
  return {
    apiVersion: API_VERSION,
    kind: 'Volume',
    metadata: {
      name: `${service.metadata.name}-${volume}-${identity.ordinal}`,
      namespace: service.metadata.namespace,
      annotations: { [MADE_FOR]: service.metadata.uid ?? '' },
      finalizers: [FINALIZERS.data],
    },
    spec: { service: service.metadata.name, volume, ordinal: identity.ordinal, node: identity.node },
  } as AnyResource
}

/** Whether a volume began with this service, and not with an earlier one of the same name. */
export function madeFor(volume: Volume, service: Service): boolean {
  return volume.metadata.annotations?.[MADE_FOR] === service.metadata.uid
}

/** True where two instances of one ordinal cannot run side by side: they would share data or a port, or must not for another reason. */
export function isExclusive({
  template,
  storage = [],
  unique = false,
}: Pick<ServiceSpec, 'template' | 'storage' | 'unique'>): boolean {
  return unique || storage.length > 0 || (template.ports ?? []).some((port) => port.port !== undefined)
}

/** Whether anything asks a program how it is, or running has to do. */
export function hasReadinessProbe(instance: Instance): boolean {
  const { template } = instance.spec
  return [template, ...(template.programs ?? [])].some(
    (one) => one.readiness !== undefined || one.startup !== undefined,
  )
}
