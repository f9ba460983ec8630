/** A Service as a manifest may give it: what has a default may be missing. */
import type {
  ServiceAnalysis,
  ServiceBlueGreen,
  ServiceEnv,
  ServiceEnvFrom,
  ServiceEnvRef,
  ServiceFileRef,
  ServiceKeyRef,
  ServiceLimits,
  ServiceNearTerm,
  ServiceNode,
  ServicePlacement,
  ServicePort,
  ServiceProbe,
  ServiceProgram,
  ServiceResources,
  ServiceSource,
  ServiceSpec,
  ServiceSpreadConstraint,
  ServiceStep,
  ServiceStorage,
  ServiceTemplate,
  ServiceToleration,
  ServiceUpdate,
} from '../generated/types.ts'
import type { ManifestExpose } from './exposure.ts'

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
  readonly startup?: ManifestProbe
  readonly busy?: ManifestProbe
}

export interface ManifestTemplate extends ManifestProgram {
  readonly programs?: readonly (ManifestProgram & Pick<ServiceProgram, 'name'>)[]
  readonly configs?: readonly ManifestFileRef[]
  readonly secrets?: readonly ManifestFileRef[]
  readonly ports?: readonly ManifestPort[]
  readonly stop?: Partial<ServiceTemplate['stop']>
  readonly network?: ServiceTemplate['network']
  readonly runtime?: ServiceTemplate['runtime']
  readonly root?: string
  readonly closure?: readonly string[]
  readonly security?: ServiceTemplate['security']
}

type ManifestStep = Omit<ServiceStep, 'analysis'> & {
  readonly analysis?: Partial<ServiceAnalysis>
}

export interface ManifestUpdate extends Omit<Partial<ServiceUpdate>, 'canary' | 'blueGreen'> {
  readonly canary?: { readonly steps: readonly ManifestStep[] }
  readonly blueGreen?: Partial<ServiceBlueGreen>
}

type ManifestNearTerm = Optional<ServiceNearTerm, 'topologyKey'>
interface ManifestNearness {
  readonly required?: readonly ManifestNearTerm[]
  readonly preferred?: readonly { readonly preference: ManifestNearTerm }[]
}

export interface ManifestPlacement extends Pick<Partial<ServicePlacement>, 'strategy' | 'nodeSelector'> {
  readonly tolerations?: readonly Optional<ServiceToleration, 'operator'>[]
  readonly affinity?: { readonly node?: ServiceNode; readonly service?: ManifestNearness }
  readonly antiAffinity?: { readonly service?: ManifestNearness }
  readonly topologySpreadConstraints?: readonly Partial<ServiceSpreadConstraint>[]
}

export interface ManifestSpec
  extends Omit<Partial<ServiceSpec>, 'template' | 'update' | 'placement' | 'expose'> {
  readonly placement?: ManifestPlacement
  readonly template: ManifestTemplate
  readonly storage?: readonly ServiceStorage[]
  readonly update?: ManifestUpdate
  readonly expose?: ManifestExpose
}

export interface ManifestService {
  readonly metadata?: { readonly name?: string; readonly namespace?: string }
  readonly spec: ManifestSpec
}
