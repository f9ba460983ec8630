/** What a scaleTargetRef means here. */
import { API_VERSION, GROUP } from '../object.ts'

export interface TargetRef {
  readonly name: string
  readonly apiVersion?: string
  readonly kind?: string
}

/** Kinds that mean a Service, with the apiVersions that they come with; none given is right for all. */
const SERVICES: Readonly<Record<string, readonly string[]>> = {
  Service: [API_VERSION],
  Deployment: ['apps/v1'],
  StatefulSet: ['apps/v1'],
}

/** Why nothing can be scaled; undefined where it means a Service. */
export function unsupportedTarget({ apiVersion, kind }: TargetRef): string | undefined {
  if (kind === undefined || kind === '') {
    // KEDA takes a missing kind for a Deployment, whatever the version
    const isOurs = !apiVersion || Object.values(SERVICES).flat().includes(apiVersion)
    return isOurs ? undefined : `nothing of ${apiVersion} can be scaled: only a Service of ${GROUP} can`
  }
  const versions = SERVICES[kind]
  if (versions !== undefined && (!apiVersion || versions.includes(apiVersion))) return undefined
  const name = apiVersion ? `${apiVersion} ${kind}` : kind
  return `${name} cannot be scaled: only a Service can, and Deployment and StatefulSet of apps/v1 mean one`
}
