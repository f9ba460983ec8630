/** The shape that every resource shares, as in Kubernetes. */
import type { Json, JsonObject } from '../core/json.ts'

export interface OwnerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly controller?: boolean
}

/** Fields that a manager other than the manifest owns, as dotted paths: applying a manifest leaves them alone. */
export interface ManagedFields {
  /** `scaledobject/web` */
  readonly manager: string
  /** `spec.replicas` */
  readonly fields: readonly string[]
}

export interface ObjectMeta {
  readonly name: string
  /** Absent on kinds of cluster scope. */
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly uid?: string
  /** The store's revision when the object was last written. Given in a manifest it is a precondition. */
  readonly resourceVersion?: string
  /** Moves with any change of spec. */
  readonly generation?: number
  /** n of rN: moves with any change of spec except through scale. Only on kinds that keep revisions. */
  readonly revision?: number
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly finalizers?: readonly string[]
  readonly ownerReferences?: readonly OwnerReference[]
  readonly managedFields?: readonly ManagedFields[]
}

/** Members of metadata that the server owns: ignored in a manifest (resourceVersion: a precondition). */
export const SERVER_OWNED_METADATA = [
  'uid',
  'resourceVersion',
  'generation',
  'revision',
  'creationTimestamp',
  'deletionTimestamp',
  'managedFields',
] as const

/**
 * Any resource. Kinds with a generated type give their spec and status. An alias, as all of them are: aliases are assignable
 * to JsonObject and AnyResource, interfaces are not.
 */
export type Resource<Spec = JsonObject, Status = JsonObject> = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly spec?: Spec
  readonly status?: Status
}

/** A resource of any kind, with members beyond the usual ones (an Event's, a user's). */
export type AnyResource = Resource & { readonly [key: string]: Json | ObjectMeta | undefined }

export type ConditionStatus = 'True' | 'False' | 'Unknown'

/** An alias, so that a status that holds some is JSON. */
export type Condition = {
  readonly type: string
  readonly status: ConditionStatus
  /** CamelCase, for machines. */
  readonly reason: string
  /** A sentence for people. */
  readonly message?: string
  readonly lastTransitionTime: string
  readonly observedGeneration?: number
}

/** Enough to find one object. `kind` is the registry's key, see `KindRegistry.byKind`. */
export interface ObjectRef {
  readonly kind: string
  readonly namespace?: string
  readonly name: string
  /** In which version it is read or written: `v1alpha1`; the preferred one where left out. */
  readonly version?: string
}

export const GROUP = 'nsctl.dev'
export const API_VERSION = 'nsctl.dev/v1alpha1'
export const DEFAULT_NAMESPACE = 'default'

/** Labels and annotations under this prefix are nsctl's own; a manifest may not set them. */
export const OWN_PREFIX = 'nsctl.dev/'

/** `service/web`, as messages name an object. */
export function refText(ref: { readonly kind: string; readonly name: string }): string {
  return `${ref.kind.toLowerCase()}/${ref.name}`
}

/** What an object is called. */
export function refOfObject({ kind, metadata: { namespace, name } }: Resource): ObjectRef {
  return namespace === undefined ? { kind, name } : { kind, namespace, name }
}
