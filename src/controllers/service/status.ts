/** What a Service's status says. Pure. */
import { formatCount } from '../../core/words.ts'
import { type ConditionInput, findCondition, setConditions } from '../../resources/conditions.ts'
import type { Instance, Service, ServiceStatus } from '../../resources/generated/types.ts'
import { addressesOf } from './address.ts'
import { CRASH_LOOP_RESTARTS, type Failure, isAbandoned, type TemplateMemory } from './target.ts'

export interface StatusInput {
  readonly service: Service
  /** All of its instances, those that are ending included. */
  readonly instances: readonly Instance[]
  readonly memory: TemplateMemory
  /** The template that the instances should have; the stable one's where the wanted one was abandoned. */
  readonly targetHash: string
  readonly isAvailable: (instance: Instance) => boolean
  readonly failure: Failure | undefined
  readonly blocked: string | undefined
  /** Instances that are too many and may finish what they do. */
  readonly finishing: readonly string[]
  /** Instances that do not have the newest of what reaches them as files yet. */
  readonly behind: number
  /** Wall clock, milliseconds. */
  readonly nowMs: number
  /** How long the present rollout has taken, milliseconds. Asked for when it ends. */
  readonly rolloutMs: () => number
  readonly nodeAddress: string
}

/** The whole status. Times and messages that still hold are kept, so that nothing new is nothing to write. */
export function serviceStatus(input: StatusInput): ServiceStatus {
  const { service, memory } = input
  const live = input.instances.filter((one) => one.metadata.deletionTimestamp === undefined)
  const target = live.filter((one) => one.spec.templateHash === input.targetHash)
  const ready = live.filter((one) => one.status?.ready === true)
  const wanted = service.spec.replicas
  const counts = {
    wanted,
    live: input.instances.length,
    ready: ready.length,
    updated: target.length,
    available: live.filter(input.isAvailable).length,
    targetAvailable: target.filter(input.isAvailable).length,
  }
  const complete = counts.targetAvailable >= wanted && input.instances.length === wanted
  const now = new Date(input.nowMs).toISOString()
  const changed = service.status?.currentHash !== memory.currentHash
  const running = isAbandoned(memory) ? memory.stableRevision : service.metadata.revision
  const url = addressesOf(service, ready, input.nodeAddress)
  const summary = summarize(input, live)
  return {
    observedGeneration: service.metadata.generation,
    replicas: counts.live,
    readyReplicas: counts.ready,
    updatedReplicas: counts.updated,
    availableReplicas: counts.available,
    ready: `${counts.ready}/${wanted}`,
    ...(running === undefined ? {} : { revisionName: `r${running}` }),
    nodes: [...new Set(live.map((one) => one.spec.node))].sort().join(','),
    ...(url === undefined ? {} : { url }),
    ...(summary === undefined ? {} : { summary }),
    ...withoutUndefined(memory),
    rolloutStartedAt: changed ? now : (service.status?.rolloutStartedAt ?? now),
    conditions: setConditions(
      service.status?.conditions,
      [readyCondition(counts), progressing(input, counts, complete), degraded(input, live)],
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
  const message = `${counts.targetAvailable} of ${formatCount(counts.wanted, 'instance')} of ${revisionText(input)} available, ${counts.live - counts.updated} to go`
  return { type, status: 'True', reason: 'RollingOut', message }
}

function revisionText(input: StatusInput): string {
  const { memory, service } = input
  return `r${isAbandoned(memory) ? memory.stableRevision : service.metadata.revision}`
}

function degraded(input: StatusInput, live: readonly Instance[]): ConditionInput {
  const type = 'Degraded'
  if (isAbandoned(input.memory)) {
    const message = `r${input.service.metadata.revision} (${input.memory.failedHash}) was abandoned, r${input.memory.stableRevision} runs: ${input.memory.failedReason}`
    return { type, status: 'True', reason: 'RolledBack', message }
  }
  if (input.failure !== undefined) {
    return { type, status: 'True', reason: input.failure.reason, message: input.failure.message }
  }
  const failing = live.find((one) => isFailing(one, input.isAvailable))
  if (failing !== undefined)
    return { type, status: 'True', reason: failingReason(failing), message: failingText(failing) }
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
  const condition = degraded(input, live)
  return condition.status === 'True' ? `${condition.reason}: ${condition.message}` : undefined
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T
}
