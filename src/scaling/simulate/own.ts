/** The policy of a ScaledObject as a contender. */
import { NsctlError } from '../../core/errors.ts'
import type { ScaledObject } from '../../resources/generated/types.ts'
import { triggerSchema } from '../../resources/triggers/index.ts'
import { readTrigger } from '../../resources/triggers/read.ts'
import { compilePolicy } from '../compile.ts'
import { ownContender } from './contenders.ts'
import type { Contender } from './run.ts'

export interface OwnPolicyOptions {
  readonly trigger: string | undefined
  /** The trigger's target where left out. */
  readonly capacity: number | undefined
  readonly averageMs: number
}

export interface OwnPolicy {
  readonly contender: Contender
  readonly capacity: number
  /** What a reader of the result should know. */
  readonly notes: readonly string[]
}

/** Throws NsctlError where no capacity can be told, or no trigger sees the demand. */
export function ownPolicy(object: ScaledObject, options: OwnPolicyOptions): OwnPolicy {
  const { spec, metadata } = object
  const policy = compilePolicy(object)
  const fed = fedIndex(policy.triggers, options.trigger)
  const trigger = policy.triggers[fed]
  const capacity =
    options.capacity ??
    (trigger?.metricType === 'AverageValue' && !trigger.perInstance ? trigger.target : undefined)
  if (capacity === undefined)
    throw new NsctlError('Invalid', 'it is not known what one replica serves', {
      next: 'say it with --capacity',
    })
  const contender = ownContender({
    name: metadata.name,
    policy,
    trigger: options.trigger,
    activation: trigger === undefined ? 0 : activationOf(object, fed),
    everyMs: spec.pollingInterval * 1000,
    averageMs: options.averageMs,
    capacity,
  })
  const others = policy.triggers.filter(({ key }) => key !== contender.trigger)
  const isOther = (name: string) => {
    const index = policy.triggerByName.get(name.split('.', 1)[0]!)
    return index !== undefined && index !== fed
  }
  const notes = others.map(({ label }) => `left out, since the trace does not feed it: ${label}`)
  for (const { name, condition } of policy.rules) {
    const unseen = condition.kind === 'when' ? condition.expression.names.filter((one) => isOther(one)) : []
    if (unseen.length > 0) notes.push(`${name} reads what is not known here: ${unseen.join(', ')}`)
  }
  if (options.capacity === undefined)
    notes.push(`a replica is taken to serve its target, ${capacity}: --capacity says otherwise`)
  if (trigger?.type === 'cpu')
    notes.push('cpu is taken to be as busy as its replica: all of what it asked for at its capacity')
  return { contender, capacity, notes }
}

function fedIndex(
  triggers: readonly { readonly key: string; readonly name: string | undefined; readonly type: string }[],
  wanted: string | undefined,
): number {
  return wanted === undefined
    ? 0
    : triggers.findIndex(({ key, name, type }) => [key, name, type].includes(wanted))
}

function activationOf({ spec }: ScaledObject, index: number): number {
  const { type, metadata, metricType } = spec.triggers[index]!
  const schema = triggerSchema(type)
  if (schema?.activation === undefined) return 0
  const { parameters } = readTrigger(schema, {
    metadata,
    ...(metricType === undefined ? {} : { metricType }),
    authentication: 'later',
    environment: 'later',
  })
  return parameters.number(schema.activation) ?? 0
}
