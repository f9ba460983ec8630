/**
 * How many Jobs a ScaledJob makes now. Pure; KEDA's four strategies (pkg/scaling/executor, pkg/scaling/scaledjob), which never take a Job
 * away: what is not known makes none.
 */
import type { TriggerInput } from '../decision.ts'

export interface JobsPolicy {
  readonly strategy: JobsStrategy
  readonly minJobs: number
  readonly maxJobs: number
  /** How several triggers become one number. */
  readonly combine: 'max' | 'min' | 'avg' | 'sum'
  readonly triggers: readonly JobsTrigger[]
}

export type JobsStrategy =
  | { readonly kind: 'default' | 'accurate' | 'eager' }
  | { readonly kind: 'custom'; readonly deduction: number; readonly runningPart: number }

export interface JobsTrigger {
  readonly key: string
  /** For people: `rabbitmq/orders`. */
  readonly label: string
  /** What its number is divided by; undefined where the reading says it. */
  readonly target: number | undefined
}

export interface JobsInput {
  /** By the trigger's key. */
  readonly triggers: ReadonlyMap<string, TriggerInput>
  /** Jobs that have not ended. */
  readonly running: number
  /** Of those, Jobs of which nothing runs yet. */
  readonly pending: number
}

/** Plain JSON: it is stored as it stands. */
export interface JobsDecision {
  readonly create: number
  readonly active: boolean
  /** Work that waits, rounded up. */
  readonly queueLength: number
  /** Jobs that it would take, at most maxJobs. */
  readonly maxScale: number
  readonly running: number
  readonly pending: number
  readonly triggers: readonly JobsTriggerVerdict[]
  /** How `create` came about, in a line. */
  readonly because: string
}

export interface JobsTriggerVerdict {
  readonly key: string
  readonly label: string
  readonly value: number | undefined
  readonly target: number | undefined
  readonly active: boolean | undefined
  readonly error: string | undefined
  readonly failures: number
}

/** What one trigger asks for. */
interface Demand {
  readonly queueLength: number
  readonly maxScale: number
}

export function decideJobs(policy: JobsPolicy, input: JobsInput): JobsDecision {
  const { minJobs, maxJobs } = policy
  const { running, pending } = input
  const seen = policy.triggers.map((trigger) => look(trigger, input.triggers.get(trigger.key), maxJobs))
  const combined = combine(
    policy.combine,
    seen.flatMap(({ demand }) => demand ?? []),
  )
  const queueLength = Math.ceil(combined?.queueLength ?? 0)
  const maxScale = Math.ceil(Math.min(combined?.maxScale ?? 0, maxJobs))
  const active = combined !== undefined || minJobs > 0
  const asked =
    running < minJobs
      ? { create: minJobs - running, text: `${minJobs} run at least` }
      : byStrategy(policy, { queueLength, maxScale, running: running - minJobs, pending })
  return {
    create: active ? Math.max(0, asked.create) : 0,
    active,
    queueLength,
    maxScale,
    running,
    pending,
    triggers: seen.map(({ verdict }) => verdict),
    because: active ? asked.text : 'no trigger is active',
  }
}

function look(
  { key, label, target }: JobsTrigger,
  input: TriggerInput | undefined,
  maxJobs: number,
): { readonly verdict: JobsTriggerVerdict; readonly demand: Demand | undefined } {
  const { error, failures = 0, reading } = input ?? {}
  const known = error === undefined && reading?.kind === 'values' ? reading : undefined
  const first = known?.metrics[0]
  const value = known?.metrics.reduce((sum, one) => sum + one.value, 0)
  const divisor = first?.target ?? target
  const verdict = { key, label, value, target: divisor, active: known?.active, error, failures }
  if (value === undefined || known?.active !== true) return { verdict, demand: undefined }
  const maxScale = divisor === undefined || divisor <= 0 ? 0 : Math.min(value / divisor, maxJobs)
  return { verdict, demand: { queueLength: value, maxScale } }
}

/** Of those that are active; undefined where none is. */
function combine(how: JobsPolicy['combine'], demands: readonly Demand[]): Demand | undefined {
  if (demands.length === 0) return undefined
  const total = (member: keyof Demand) => demands.reduce((sum, one) => sum + one[member], 0)
  switch (how) {
    case 'sum':
      return { queueLength: total('queueLength'), maxScale: total('maxScale') }
    case 'avg':
      return {
        queueLength: total('queueLength') / demands.length,
        maxScale: total('maxScale') / demands.length,
      }
    case 'min':
      return demands.reduce((least, one) => (one.queueLength < least.queueLength ? one : least))
    case 'max':
      return demands.reduce((most, one) => (one.queueLength > most.queueLength ? one : most))
  }
}

interface StrategyInput {
  readonly queueLength: number
  readonly maxScale: number
  /** Beyond those that run in any case. */
  readonly running: number
  readonly pending: number
}

function byStrategy(
  { strategy, maxJobs }: JobsPolicy,
  { queueLength, maxScale, running, pending }: StrategyInput,
): { readonly create: number; readonly text: string } {
  switch (strategy.kind) {
    case 'default':
      return limited(queueLength, maxScale - running, `${maxScale} wanted, ${running} running`)
    case 'custom': {
      const counted = Math.trunc(running * strategy.runningPart)
      const room = Math.min(maxScale - strategy.deduction - counted, maxJobs)
      return limited(queueLength, room, `${maxScale} wanted − ${strategy.deduction} − ${counted} running`)
    }
    case 'accurate': {
      const room = maxScale + running - pending > maxJobs ? maxJobs - running : maxScale - pending
      return limited(queueLength, room, `${maxScale} wanted, ${running} running, ${pending} of them pending`)
    }
    case 'eager': {
      const room = Math.min(maxJobs - running - pending, maxScale)
      return limited(
        maxJobs,
        room,
        `as many as may run: ${maxJobs}, ${running} running, ${pending} of them pending`,
      )
    }
  }
}

/** Never more than there is work for, and never more than there is room for. */
function limited(
  work: number,
  room: number,
  text: string,
): { readonly create: number; readonly text: string } {
  return { create: Math.min(work, room), text }
}
