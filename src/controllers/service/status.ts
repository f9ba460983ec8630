/** What a Service's status says. Pure. */
import { formatCount } from '../../core/words.ts'
import { type ConditionInput, findCondition, setConditions } from '../../resources/conditions.ts'
import type { Instance, Route, Service, ServiceStatus } from '../../resources/generated/types.ts'
import { isPreempted, PREEMPTED, storedNominations } from '../preempting.ts'
import { addressesOf } from './address.ts'
import { EXPOSED, exposedCondition, exposedUrl } from './exposed.ts'
import type { Progress } from './rollout/progress.ts'
import type { Unplaced } from './seating.ts'
import { CRASH_LOOP_RESTARTS, type Failure, isAbandoned, type TemplateMemory } from './target.ts'

export interface StatusInput {
  readonly service: Service
  /** What load balancers lead to it. */
  readonly routes: readonly Route[]
  /** All of its instances, those that are ending included. */
  readonly instances: readonly Instance[]
  readonly memory: TemplateMemory
  readonly progress: Progress
  /** The template that the instances should have; the stable one's where the wanted one was abandoned. */
  readonly targetHash: string
  readonly isAvailable: (instance: Instance) => boolean
  /** What it says of itself may be from long ago. */
  readonly isSilent: (instance: Instance) => boolean
  readonly failure: Failure | undefined
  readonly blocked: string | undefined
  /** Why some instances are not made. */
  readonly unplaced: Unplaced | undefined
  /** Why the change counts as stuck. */
  readonly overdue: string | undefined
  /** Instances that are too many and may finish what they do. */
  readonly finishing: readonly string[]
  /** Instances that do not have the newest of what reaches them as files yet. */
  readonly behind: number
  /** Wall clock, milliseconds. */
  readonly nowMs: number
  /** How long the present rollout has taken, milliseconds. Asked for when it ends. */
  readonly rolloutMs: () => number
  /** Where a node's instances are reached. */
  readonly addressOf: (node: string) => string | undefined
}

/** The same word for an instance that is not ready in time and for a change that comes no further in time. */
const DEADLINE_EXCEEDED: Failure['reason'] = 'DeadlineExceeded'

/** The whole status. Times and messages that still hold are kept, so that nothing new is nothing to write. */
export function serviceStatus(input: StatusInput): ServiceStatus {
  const { service, memory } = input
  const live = input.instances.filter((one) => one.metadata.deletionTimestamp === undefined)
  const target = live.filter((one) => one.spec.templateHash === input.targetHash)
  const ready = live.filter((one) => one.status?.ready === true && !input.isSilent(one))
  const wanted = service.spec.replicas
  const counts = {
    wanted,
    live: input.instances.length,
    ready: ready.length,
    updated: target.length,
    available: live.filter(input.isAvailable).length,
    targetAvailable: target.filter(input.isAvailable).length,
  }
  const complete =
    input.progress.finished && counts.targetAvailable >= wanted && input.instances.length === wanted
  const now = new Date(input.nowMs).toISOString()
  const changed = service.status?.currentHash !== memory.currentHash
  const running = isAbandoned(memory) ? memory.stableRevision : service.metadata.revision
  const url = exposedUrl(service, input.routes) ?? addressesOf(service, ready, input.addressOf)
  const exposed = exposedCondition(service, input.routes)
  const preempted = preemptedOf(input, complete)
  const summary = summarize(input, live)
  return {
    observedGeneration: service.metadata.generation,
    replicas: counts.live,
    ...(service.spec.placement?.strategy === 'perNode' ? { desiredReplicas: wanted } : {}),
    readyReplicas: counts.ready,
    updatedReplicas: counts.updated,
    availableReplicas: counts.available,
    ready: `${counts.ready}/${wanted}`,
    ...(running === undefined ? {} : { revisionName: `r${running}` }),
    nodes: [...new Set(live.map((one) => one.spec.node))].sort().join(','),
    ...(url === undefined ? {} : { url }),
    ...(summary === undefined ? {} : { summary }),
    ...withoutUndefined(memory),
    ...(complete || input.progress.state === undefined ? {} : { rollout: input.progress.state }),
    ...(input.unplaced?.nominations && { nominations: storedNominations(input.unplaced.nominations) }),
    ...(preempted && { preempted }),
    ...trafficText(input),
    rolloutStartedAt: changed ? now : (service.status?.rolloutStartedAt ?? now),
    conditions: setConditions(
      // what is not exposed any more has nothing to say of it
      service.status?.conditions?.filter(({ type }) => type !== EXPOSED || exposed !== undefined),
      [
        readyCondition(counts),
        progressing(input, counts, complete),
        degraded(input, live, preempted),
        ...(exposed === undefined ? [] : [exposed]),
      ],
      now,
      service.metadata.generation,
    ),
  }
}

interface Counts {
  readonly wanted: number
  readonly live: number
  readonly ready: number
  readonly updated: number
  readonly available: number
  readonly targetAvailable: number
}

/** Counts those that have proven themselves: a program that crashes in a loop is ready now and then, and serves nobody. */
function readyCondition({ wanted, available: ready }: Counts): ConditionInput {
  if (wanted === 0)
    return { type: 'Ready', status: 'True', reason: 'ScaledToZero', message: 'no instance is wanted' }
  const enough = ready >= wanted
  return {
    type: 'Ready',
    status: enough ? 'True' : 'False',
    reason: enough ? 'EnoughReady' : 'TooFewReady',
    message: `${ready} of ${formatCount(wanted, 'instance')} ready`,
  }
}

function progressing(input: StatusInput, counts: Counts, complete: boolean): ConditionInput {
  const type = 'Progressing'
  if (input.blocked !== undefined) return { type, status: 'False', reason: 'Blocked', message: input.blocked }
  if (input.unplaced !== undefined) {
    const { overdue, unplaced } = input
    return overdue === undefined
      ? { type, status: 'False', reason: unplaced.reason, message: unplaced.text }
      : { type, status: 'False', reason: DEADLINE_EXCEEDED, message: overdue }
  }
  if (input.finishing.length > 0) {
    const message = `${input.finishing.join(', ')} ${input.finishing.length === 1 ? 'finishes what it does' : 'finish what they do'}`
    return { type, status: 'True', reason: 'Draining', message }
  }
  if (complete && input.behind > 0) {
    const message = `${formatCount(input.behind, 'instance')} to go until all have the newest settings`
    return { type, status: 'True', reason: 'Reloading', message }
  }
  if (complete) {
    const before = findCondition(input.service.status?.conditions, type)
    const known = before?.reason === 'Complete' && before.message?.includes(`(${input.targetHash})`)
    const seconds = (input.rolloutMs() / 1000).toFixed(1)
    const message = known
      ? before.message
      : `rollout of ${revisionText(input)} (${input.targetHash}) took ${seconds} s`
    return { type, status: 'False', reason: 'Complete', message }
  }
  if (input.failure !== undefined && !isAbandoned(input.memory)) {
    return { type, status: 'False', reason: input.failure.reason, message: input.failure.message }
  }
  const { note } = input.progress
  if (note !== undefined && note.reason !== 'RollingOut') {
    if (note.reason === 'WaitingForDependencies')
      return { type, status: 'True', reason: note.reason, message: note.message }
    const status = note.reason === 'Paused' ? 'Unknown' : 'True'
    return { type, status, reason: note.reason, message: `${note.message}, ${part(input, counts)}` }
  }
  const message = `${counts.targetAvailable} of ${formatCount(counts.wanted, 'instance')} of ${revisionText(input)} available, ${counts.live - counts.updated} to go`
  const place = note === undefined ? '' : `${note.message}, `
  return { type, status: 'True', reason: 'RollingOut', message: `${place}${message}` }
}

/** `1 of 4 instances has r2` */
function part(input: StatusInput, { updated, wanted }: Counts): string {
  return `${updated} of ${formatCount(wanted, 'instance')} ${updated === 1 ? 'has' : 'have'} ${revisionText(input)}`
}

/** Nothing under way: all goes to the one template that there is. Left to the numbers where the strategy goes by no weights. */
function trafficText({ service, progress, memory, targetHash }: StatusInput): Pick<ServiceStatus, 'traffic'> {
  if (progress.traffic !== undefined) return { traffic: progress.traffic }
  const { strategy } = service.spec.update
  const goesByWeight = strategy === 'Canary' || strategy === 'BlueGreen'
  if (!goesByWeight || progress.state !== undefined || memory.stableHash === undefined) return {}
  return { traffic: [{ hash: targetHash, weight: 100 }] }
}

function revisionText(input: StatusInput): string {
  const { memory, service } = input
  return `r${isAbandoned(memory) ? memory.stableRevision : service.metadata.revision}`
}

/** The last one that has made room, remembered until all are there again: nobody else knows once it has gone. */
function preemptedOf({ service, instances }: StatusInput, complete: boolean): ServiceStatus['preempted'] {
  const ending = instances.filter(isPreempted).sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  const { metadata, spec } = ending[0] ?? {}
  if (metadata === undefined || spec?.preemptedFor === undefined)
    return complete ? undefined : service.status?.preempted
  return { instance: metadata.name, node: spec.node, for: spec.preemptedFor }
}

function degraded(
  input: StatusInput,
  live: readonly Instance[],
  preempted?: ServiceStatus['preempted'],
): ConditionInput {
  const type = 'Degraded'
  if (isAbandoned(input.memory)) {
    const message = `r${input.service.metadata.revision} (${input.memory.failedHash}) was abandoned, r${input.memory.stableRevision} runs: ${input.memory.failedReason}`
    return { type, status: 'True', reason: 'RolledBack', message }
  }
  if (input.failure !== undefined) {
    return { type, status: 'True', reason: input.failure.reason, message: input.failure.message }
  }
  if (input.overdue !== undefined)
    return { type, status: 'True', reason: DEADLINE_EXCEEDED, message: input.overdue }
  const { trouble } = input.progress.note ?? {}
  if (trouble !== undefined) return { type, status: 'True', ...trouble }
  const failing = live.find((one) => isFailing(one, input.isAvailable))
  if (failing !== undefined)
    return { type, status: 'True', reason: failingReason(failing), message: failingText(failing) }
  if (preempted !== undefined) {
    const message = `${preempted.instance} on node/${preempted.node} made room for ${preempted.for}, which is more important`
    return { type, status: 'True', reason: PREEMPTED, message }
  }
  return { type, status: 'False', reason: 'AsExpected' }
}

/** One that has failed is failing until it has proven itself again: a crash loop is no recovery between two crashes. */
function isFailing(instance: Instance, isAvailable: (instance: Instance) => boolean): boolean {
  const { status } = instance
  if (status?.phase === 'Backoff' || status?.phase === 'Failed') return true
  return status?.lastFailure !== undefined && !isAvailable(instance)
}

function failingReason({ status }: Instance): string {
  if ((status?.restarts ?? 0) >= CRASH_LOOP_RESTARTS) return 'CrashLoop'
  return status?.reason ?? status?.lastFailure?.reason ?? 'InstanceFailing'
}

function failingText(instance: Instance): string {
  const { status } = instance
  const restarts = status?.restarts === undefined ? '' : ` (${formatCount(status.restarts, 'restart')})`
  return `${instance.spec.service}-${instance.spec.ordinal}: ${status?.message ?? status?.lastFailure?.message ?? 'fails'}${restarts}`
}

function summarize(input: StatusInput, live: readonly Instance[]): string | undefined {
  if (input.service.metadata.deletionTimestamp !== undefined) return 'Deleting'
  if (input.blocked !== undefined) return `Blocked: ${input.blocked}`
  if (input.overdue !== undefined) return `${DEADLINE_EXCEEDED}: ${input.overdue}`
  if (input.unplaced !== undefined) return `${input.unplaced.reason}: ${input.unplaced.text}`
  const condition = degraded(input, live)
  const { note } = input.progress
  const isHeld = note?.reason === 'WaitingForDependencies' || note?.reason === 'Paused'
  if (condition.status !== 'True' && isHeld) return `${note.reason}: ${note.message}`
  return condition.status === 'True' ? `${condition.reason}: ${condition.message}` : undefined
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T
}
