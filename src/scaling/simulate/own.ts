/** The policy of a ScaledObject as a contender. */
import { NsctlError } from '../../core/errors.ts'
import type { ScaledObject } from '../../resources/generated/types.ts'
import { triggerSchema } from '../../resources/triggers/index.ts'
import { readTrigger } from '../../resources/triggers/read.ts'
import type { ReadParameters } from '../../resources/triggers/schema.ts'
import { compilePolicy } from '../compile.ts'
import { cronWindow } from '../cron-window.ts'
import { fedTrigger, ownContender } from './contenders.ts'
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
  const trigger = fedTrigger(policy, options.trigger)
  const fed = policy.triggers.indexOf(trigger)
  const capacity =
    options.capacity ??
    (trigger.metricType === 'AverageValue' && !trigger.perInstance ? trigger.target : undefined)
  if (capacity === undefined)
    throw new NsctlError('Invalid', 'it is not known what one replica serves', {
      next: 'say it with --capacity',
    })
  const clocks = new Map(
    policy.triggers.flatMap(({ key, type }, index) =>
      type === 'cron' && index !== fed ? [[key, cronWindow(readAt(object, index)!.parameters)] as const] : [],
    ),
  )
  const contender = ownContender({
    name: metadata.name,
    policy,
    trigger: options.trigger,
    activation: activationOf(object, fed),
    everyMs: spec.pollingInterval * 1000,
    averageMs: options.averageMs,
    capacity,
    others: clocks,
  })
  const others = policy.triggers.filter(({ key }) => !contender.triggers.has(key))
  const isOther = (name: string) => {
    const index = policy.triggerByName.get(name.split('.', 1)[0]!)
    return index !== undefined && !contender.triggers.has(policy.triggers[index]!.key)
  }
  const notes = others.map(({ label }) => `left out, since the trace does not feed it: ${label}`)
  for (const { name, condition } of policy.rules) {
    const unseen = condition.kind === 'when' ? condition.expression.names.filter((one) => isOther(one)) : []
    if (unseen.length > 0) notes.push(`${name} reads what is not known here: ${unseen.join(', ')}`)
  }
  if (options.capacity === undefined)
    notes.push(`a replica is taken to serve its target, ${capacity}: --capacity says otherwise`)
  if (trigger.type === 'cpu')
    notes.push('cpu is taken to be as busy as its replica: all of what it asked for at its capacity')
  return { contender, capacity, notes }
}

function activationOf(object: ScaledObject, index: number): number {
  const read = readAt(object, index)
  return read?.activation === undefined ? 0 : (read.parameters.number(read.activation) ?? 0)
}

function readAt(
  { spec }: ScaledObject,
  index: number,
): { readonly activation: string | undefined; readonly parameters: ReadParameters } | undefined {
  const { type, metadata, metricType } = spec.triggers[index]!
  const schema = triggerSchema(type)
  if (schema === undefined) return undefined
  const { parameters } = readTrigger(schema, {
    metadata,
    ...(metricType === undefined ? {} : { metricType }),
    authentication: 'later',
    environment: 'later',
  })
  return { activation: schema.activation, parameters }
}
