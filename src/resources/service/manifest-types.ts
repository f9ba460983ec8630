/** A Service as a manifest may give it: what has a default may be missing. */
import type {
  ServiceEnv,
  ServiceEnvFrom,
  ServiceEnvRef,
  ServiceFileRef,
  ServiceKeyRef,
  ServiceLimits,
  ServicePort,
  ServiceProbe,
  ServiceProgram,
  ServiceResources,
  ServiceSource,
  ServiceSpec,
  ServiceStorage,
  ServiceTemplate,
  ServiceUpdate,
} from '../generated/types.ts'

type Optional<T, Keys extends keyof T> = Omit<T, Keys> & Partial<Pick<T, Keys>>

export type ManifestProbe = Optional<
  ServiceProbe,
  'period' | 'timeout' | 'failureThreshold' | 'successThreshold'
>
type ManifestKeyRef = Optional<ServiceKeyRef, 'optional'>
type ManifestEnvRef = Optional<ServiceEnvRef, 'optional'>
export interface ManifestEnv extends Pick<ServiceEnv, 'name' | 'value'> {
  readonly valueFrom?: { readonly configKeyRef?: ManifestKeyRef; readonly secretKeyRef?: ManifestKeyRef }
}
export interface ManifestEnvFrom extends Pick<ServiceEnvFrom, 'prefix'> {
  readonly configRef?: ManifestEnvRef
  readonly secretRef?: ManifestEnvRef
}
export type ManifestFileRef = Optional<ServiceFileRef, 'optional' | 'onChange'>
export type ManifestPort = Optional<ServicePort, 'protocol'>

/** What one program has, in a group or alone. */
export interface ManifestProgram {
  readonly source?: ServiceSource
  readonly env?: readonly ManifestEnv[]
  readonly envFrom?: readonly ManifestEnvFrom[]
  readonly resources?: ServiceResources
  readonly limits?: ServiceLimits
  readonly readiness?: ManifestProbe
  readonly liveness?: ManifestProbe
  readonly busy?: ManifestProbe
}

export interface ManifestTemplate extends ManifestProgram {
  readonly programs?: readonly (ManifestProgram & Pick<ServiceProgram, 'name'>)[]
  readonly configs?: readonly ManifestFileRef[]
  readonly secrets?: readonly ManifestFileRef[]
  readonly ports?: readonly ManifestPort[]
  readonly stop?: Partial<ServiceTemplate['stop']>
  readonly network?: ServiceTemplate['network']
  readonly security?: ServiceTemplate['security']
}

export interface ManifestSpec extends Omit<Partial<ServiceSpec>, 'template' | 'update'> {
  readonly template: ManifestTemplate
  readonly storage?: readonly ServiceStorage[]
  readonly update?: Partial<ServiceUpdate>
}

export interface ManifestService {
  readonly spec: ManifestSpec
}
