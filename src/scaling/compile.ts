/** From a ScaledObject as it is stored to what `decide()` reads. */
import { parseDurationMs } from '../core/quantity.ts'
import { parseExpression } from '../resources/expression/parse.ts'
import type {
  ScaledObject,
  ScaledObjectProtection,
  ScaledObjectRule,
  ScaledObjectScalingModifiers,
} from '../resources/generated/types.ts'
import { parseSchedule } from '../resources/schedule.ts'
import { MOST_REPLICAS } from '../resources/service/replicas.ts'
import { triggerSchema } from '../resources/triggers/index.ts'
import { expressionNames, nameTriggers, type TriggerNames } from '../resources/triggers/names.ts'
import { readTrigger, targetOf } from '../resources/triggers/read.ts'
import { numberOf } from '../resources/triggers/values.ts'
import { compileBehavior } from './compile/behavior.ts'
import { compilePause, isForced } from './compile/pause.ts'
import type { Modifiers, Protection, Rule, ScaleStep, ScalingPolicy, TriggerPolicy } from './policy.ts'
import { timeOfDay } from './time-of-day.ts'

/** HPA's --horizontal-pod-autoscaler-tolerance. */
const TOLERANCE = 0.1
/** A schedule without `lasts` is a moment. */
const MOMENT_MS = 60_000

/** Made once for each change of `object`. Throws NsctlError Invalid for what admission refuses. */
export function compilePolicy(object: ScaledObject): ScalingPolicy {
  const { spec, metadata } = object
  const names = nameTriggers(spec.triggers)
  const triggerByName = new Map<string, number>()
  for (const [index, { key, names: all }] of names.entries())
    for (const name of [key, ...all]) triggerByName.set(name, index)
  const triggers = names.map((named, index) => compileTrigger(object, index, named))
  const { behavior } = spec.advanced?.horizontalPodAutoscalerConfig ?? {}
  const modifiers = spec.advanced?.scalingModifiers
  const annotations = metadata.annotations ?? {}
  return {
    // more than a Service may have would be refused with each write, and nothing would change
    minReplicas: Math.min(spec.minReplicaCount ?? 0, MOST_REPLICAS),
    maxReplicas: Math.min(spec.maxReplicaCount, MOST_REPLICAS),
    idleReplicas: spec.idleReplicaCount && Math.min(spec.idleReplicaCount, MOST_REPLICAS),
    sleepsWhereAsked: spec.minReplicaCount === 0 || spec.idleReplicaCount !== undefined,
    cooldownMs: spec.cooldownPeriod * 1000,
    initialCooldownMs: (spec.initialCooldownPeriod ?? 0) * 1000,
    triggers,
    triggerByName,
    behavior: behavior === undefined ? undefined : compileBehavior(behavior),
    tolerance: {
      up: toNumber(behavior?.scaleUp?.tolerance, TOLERANCE),
      down: toNumber(behavior?.scaleDown?.tolerance, TOLERANCE),
    },
    modifiers:
      modifiers?.formula === undefined
        ? undefined
        : compileModifiers(modifiers, { triggerByName, triggers, names: expressionNames(spec.triggers) }),
    fallback: spec.fallback,
    timezone: spec.timezone,
    rules: compileRules(spec.rules ?? [], spec),
    protection: compileProtection(spec.protection),
    pause: compilePause(annotations),
    forceActive: isForced(annotations),
    timeOfDay: timeOfDay(spec.timezone),
  }
}

function compileTrigger({ spec }: ScaledObject, index: number, { key, label }: TriggerNames): TriggerPolicy {
  const { type, name, metadata, metricType } = spec.triggers[index]!
  const schema = triggerSchema(type)
  const base = { key, name, type, label, isCpu: type === 'cpu' }
  if (schema === undefined)
    return {
      ...base,
      metricType: 'AverageValue',
      target: undefined,
      perInstance: false,
      unit: '',
    }
  // what triggers are compared with stands in the manifest; what they log in with is no matter here
  const read = readTrigger(schema, {
    metadata,
    ...(metricType === undefined ? {} : { metricType }),
    authentication: 'later',
    environment: 'later',
  })
  const target = targetOf(schema, read.parameters)
  const isMillis = type === 'cpu' && read.metricType !== 'Utilization'
  return {
    ...base,
    metricType: read.metricType,
    target: target !== undefined && isMillis ? target * 1000 : target,
    perInstance: schema.perInstance === true,
    unit: unitOf(type, read.metricType),
  }
}

function unitOf(type: string, metricType: string): string {
  if (metricType === 'Utilization') return '%'
  const units: Readonly<Record<string, string>> = { cpu: 'm', memory: 'B', io: 'B', latency: 's' }
  return units[type] ?? ''
}

function compileModifiers(
  modifiers: ScaledObjectScalingModifiers,
  {
    triggerByName,
    triggers,
    names,
  }: Pick<ScalingPolicy, 'triggerByName' | 'triggers'> & { readonly names: readonly string[] },
): Modifiers {
  const formula = parseExpression(modifiers.formula ?? '', { names })
  const reads = new Set<string>()
  for (const name of formula.names) {
    const index = triggerByName.get(name.split('.', 1)[0] ?? name)
    if (index !== undefined) reads.add(triggers[index]!.key)
  }
  return {
    formula,
    reads,
    target: toNumber(modifiers.target, Number.NaN),
    activationTarget: toNumber(modifiers.activationTarget, 0),
    metricType: modifiers.metricType,
  }
}

function compileRules(
  rules: readonly ScaledObjectRule[],
  { timezone, triggers }: ScaledObject['spec'],
): readonly Rule[] {
  const names = expressionNames(triggers)
  const taken = new Set<string>()
  return rules.map((rule, index) => {
    const own = rule.name ?? `rule ${index + 1}`
    const name = taken.has(own) ? `${own} (${index + 1})` : own
    taken.add(name)
    const { scale, min, max } = rule
    return {
      name,
      condition: compileCondition(rule, timezone, names),
      scale: scale === undefined ? undefined : compileScale(scale),
      min,
      max,
    }
  })
}

function compileCondition(
  rule: ScaledObjectRule,
  timezone: string,
  names: readonly string[],
): Rule['condition'] {
  if (rule.schedule !== undefined)
    return {
      kind: 'schedule',
      schedule: parseSchedule(rule.schedule, timezone),
      lastsMs: rule.lasts === undefined ? MOMENT_MS : parseDurationMs(rule.lasts),
    }
  return {
    kind: 'when',
    expression: parseExpression(rule.when ?? '', { names }),
    heldForMs: rule.heldFor === undefined ? 0 : parseDurationMs(rule.heldFor),
  }
}

/** `+3`, `-20%`, `5`. */
function compileScale(text: string): ScaleStep {
  const count = Number.parseInt(text, 10)
  if (text.endsWith('%')) return { kind: 'byPercent', percent: count }
  return /^[+-]/.test(text) ? { kind: 'by', count } : { kind: 'to', count }
}

function compileProtection({
  cooldown,
  flapping,
  maxActionsPerHour,
}: ScaledObjectProtection = {}): Protection {
  return {
    cooldownUpMs: cooldown?.up === undefined ? 0 : parseDurationMs(cooldown.up),
    cooldownDownMs: cooldown?.down === undefined ? 0 : parseDurationMs(cooldown.down),
    flapping:
      flapping === undefined
        ? undefined
        : {
            changes: flapping.changes,
            withinMs: parseDurationMs(flapping.within),
            holdMs: parseDurationMs(flapping.hold),
          },
    maxActionsPerHour,
  }
}

function toNumber(given: number | string | undefined, standard: number): number {
  return given === undefined ? standard : (numberOf('quantity', String(given).trim()) ?? standard)
}
