/** What keeps a ScaledObject from acting at all. Pure. */
import type { ScaledObject, Service } from '../../resources/generated/types.ts'
import { type TargetRef, unsupportedTarget } from '../../resources/scaledobject/target.ts'

export interface Problem {
  /** CamelCase, the reason of the condition Ready. */
  readonly reason:
    | 'UnsupportedTarget'
    | 'UnsupportedTrigger'
    | 'TargetNotFound'
    | 'TargetTerminating'
    | 'TargetTaken'
    | 'InvalidSpec'
  readonly message: string
}

export interface ProblemInput {
  readonly object: ScaledObject
  readonly service: Service | undefined
  /** All ScaledObjects of the namespace that name the same target, itself included. */
  readonly rivals: readonly ScaledObject[]
  /** Whether there is a source for triggers of that type. */
  readonly isSupported: (type: string) => boolean
}

/** `service/web`; another kind by its own name. */
export function targetText({ spec: { scaleTargetRef } }: ScaledObject): string {
  const { kind, name } = scaleTargetRef
  return `${isService(scaleTargetRef) ? 'service' : (kind ?? 'object').toLowerCase()}/${name}`
}

/** The Service that it names; undefined where it names something else. */
export function targetName({ spec: { scaleTargetRef } }: ScaledObject): string | undefined {
  return isService(scaleTargetRef) ? scaleTargetRef.name : undefined
}

function isService(ref: TargetRef): boolean {
  return unsupportedTarget(ref) === undefined
}

/** Undefined where it can act. */
export function findProblem({ object, service, rivals, isSupported }: ProblemInput): Problem | undefined {
  const { name } = object.metadata
  const { apiVersion, kind } = object.spec.scaleTargetRef
  if (targetName(object) === undefined)
    return {
      reason: 'UnsupportedTarget',
      message: `there is nothing of ${kind ? `kind ${kind}` : apiVersion} to scale here: name a Service in spec.scaleTargetRef`,
    }
  const first = [...rivals].sort(byAge)[0]
  if (first !== undefined && first.metadata.name !== name)
    return {
      reason: 'TargetTaken',
      message: `${targetText(object)} is scaled by scaledobject/${first.metadata.name}, which is older; scaledobject/${name} changes nothing: delete one of them`,
    }
  const unknown = object.spec.triggers.find(({ type }) => !isSupported(type))
  if (unknown !== undefined)
    return {
      reason: 'UnsupportedTrigger',
      message: `there is no source for triggers of type ${unknown.type}: use another, or type external with a scaler of KEDA's`,
    }
  if (service?.metadata.deletionTimestamp !== undefined)
    return {
      reason: 'TargetTerminating',
      message: `${targetText(object)} is being deleted: one of that name is scaled as soon as there is one again`,
    }
  if (service === undefined)
    return {
      reason: 'TargetNotFound',
      message: `there is no ${targetText(object)} in namespace ${object.metadata.namespace}: it is scaled as soon as there is`,
    }
  if (service.spec.placement?.strategy === 'perNode')
    return {
      reason: 'UnsupportedTarget',
      message: `${targetText(object)} has one instance on each node (placement strategy perNode): there is no number to scale`,
    }
  return undefined
}

/** Which of two came first; of two made in the same second the one that everybody takes for it. */
function byAge({ metadata: a }: ScaledObject, { metadata: b }: ScaledObject): number {
  const [one, other] = [a.creationTimestamp ?? '', b.creationTimestamp ?? '']
  if (one !== other) return one < other ? -1 : 1
  return a.name < b.name ? -1 : 1
}
