/** What of a ScaledObject is accepted and does not act as it stands. */
import { PAUSED_REPLICAS } from '../scaler-annotations.ts'
import { MOST_REPLICAS } from '../service/replicas.ts'
import { triggerWarnings } from '../triggers/admission.ts'
import { triggerSchema } from '../triggers/index.ts'
import { quote } from '../validation/words.ts'
import { type ScaledObjectText, usesModifiers } from './manifest-type.ts'
import { unsupportedTarget } from './target.ts'

/** KEDA's annotations that are about what there is not here. */
const IDLE_ANNOTATIONS: readonly string[] = [
  'scaledobject.keda.sh/transfer-hpa-ownership',
  'scaledobject.keda.sh/hpa-excluded-labels',
  'validations.keda.sh/hpa-ownership',
]

/** For objects that the schema and the constraints have found right. Pure. */
export function scaledObjectWarnings(object: unknown): readonly string[] {
  const scaled = object as ScaledObjectText
  const { spec } = scaled
  const target = unsupportedTarget(spec.scaleTargetRef)
  return [
    ...(target === undefined ? [] : [`spec.scaleTargetRef: ${target}`]),
    ...boundWarnings(scaled),
    ...(spec.advanced?.horizontalPodAutoscalerConfig?.name
      ? ['spec.advanced.horizontalPodAutoscalerConfig.name has no effect: there is no HPA']
      : []),
    ...modifierWarnings(scaled),
    ...triggerWarnings(spec.triggers, { inFormula: usesModifiers(scaled) }),
    ...ruleWarnings(scaled),
    ...annotationWarnings(scaled),
  ]
}

function boundWarnings(object: ScaledObjectText): readonly string[] {
  const { maxReplicaCount = 0 } = object.spec
  if (maxReplicaCount <= MOST_REPLICAS) return idleWarnings(object)
  const most = `spec.maxReplicaCount is more than a Service may have: ${maxReplicaCount} becomes ${MOST_REPLICAS}`
  return [most, ...idleWarnings(object)]
}

function idleWarnings({ spec }: ScaledObjectText): readonly string[] {
  const seesNothing = spec.triggers.every(({ type }) => triggerSchema(type)?.perInstance === true)
  if (!seesNothing || (spec.minReplicaCount ?? 0) > 0) return []
  const types = [...new Set(spec.triggers.map(({ type }) => type))].join(' and ')
  const isAsked = spec.minReplicaCount === 0 || spec.idleReplicaCount !== undefined
  const why = `${types} cannot tell when there is work again`
  return [
    isAsked
      ? `spec.minReplicaCount: ${why}: it scales to 0 only where requests can wake it, which is where its Service has spec.expose`
      : `spec.minReplicaCount: it never scales to 0, because ${why}: one instance stays`,
  ]
}

function modifierWarnings({ spec }: ScaledObjectText): readonly string[] {
  const { target, activationTarget } = spec.advanced?.scalingModifiers ?? {}
  return Object.entries({ target, activationTarget })
    .filter(([, value]) => typeof value === 'number')
    .map(([name]) => `spec.advanced.scalingModifiers.${name} is a number and read as text: put it in quotes`)
}

function ruleWarnings({ spec }: ScaledObjectText): readonly string[] {
  const { rules = [], maxReplicaCount = 100 } = spec
  return rules.flatMap(({ min }, index) =>
    min !== undefined && min > maxReplicaCount
      ? [`spec.rules[${index}].min is above maxReplicaCount, which counts: ${min} becomes ${maxReplicaCount}`]
      : [],
  )
}

function annotationWarnings({ metadata }: ScaledObjectText): readonly string[] {
  const { annotations = {} } = metadata
  const warnings = IDLE_ANNOTATIONS.filter((name) => Object.hasOwn(annotations, name)).map(
    (name) => `metadata.annotations: ${name} has no effect`,
  )
  const held = annotations[PAUSED_REPLICAS]
  if (held !== undefined && !(/^[0-9]{1,6}$/.test(held) && Number(held) <= MOST_REPLICAS))
    warnings.push(
      `metadata.annotations: ${PAUSED_REPLICAS} must be a number of replicas up to ${MOST_REPLICAS}, not ${quote(held)}`,
    )
  return warnings
}
