/** How far a rollout is, in kubectl's words. */
import { formatCount } from '../core/words.ts'
import type { AnyResource } from '../resources/object.ts'
import { sortInstances, stateText, troubleText } from './describe/parts.ts'
import { formatSpan } from './duration.ts'
import { mapsAt, numberAt, textAt } from './fields.ts'
import type { Progress } from './progress.ts'
import { wantedInstances } from './wanted.ts'

export type RolloutState =
  | { readonly kind: 'waiting'; readonly message: string; readonly progress: Progress }
  | { readonly kind: 'done'; readonly message: string }
  /** It will not become what was wanted, as far as nsctl can tell. */
  | { readonly kind: 'failed'; readonly message: string }

/** What a Service's status and its instances say of the change that was made last. */
export function rolloutState(
  service: AnyResource,
  instances: readonly AnyResource[],
  nowMs: number,
): RolloutState {
  const name = JSON.stringify(service.metadata.name)
  const wanted = wantedInstances(service)
  const progress = progressOf(service, instances, nowMs)
  const observed = numberAt(service, 'status.observedGeneration') ?? 0
  if (observed < (service.metadata.generation ?? 0))
    return { kind: 'waiting', message: 'Waiting for service spec update to be observed...', progress }
  const degraded = conditionOf(service, 'Degraded')
  if (degraded?.status === 'True' && degraded.reason === 'RolledBack')
    return { kind: 'failed', message: `service ${name} was rolled back by itself: ${words(degraded)}` }
  const progressing = conditionOf(service, 'Progressing')
  if (progressing?.status === 'False') {
    if (progressing.reason === 'Complete')
      return { kind: 'done', message: `service ${name} successfully rolled out` }
    // room may come: another service goes, a node comes, a quota is raised
    if (progressing.reason === 'Unschedulable' || progressing.reason === 'QuotaExceeded')
      return { kind: 'waiting', message: waitingText(service, name, wanted), progress }
    return { kind: 'failed', message: `service ${name} cannot roll out: ${words(progressing)}` }
  }
  return { kind: 'waiting', message: waitingText(service, name, wanted), progress }
}

/** Reasons whose message says what is waited for. */
const SAID_IN_FULL: ReadonlySet<string | undefined> = new Set([
  ...['Paused', 'Analysing', 'Unschedulable', 'QuotaExceeded', 'WaitingForDependencies'],
])

function waitingText(service: AnyResource, name: string, wanted: number): string {
  const begin = `Waiting for service ${name} rollout to finish:`
  const progressing = conditionOf(service, 'Progressing')
  if (progressing !== undefined && SAID_IN_FULL.has(textAt(progressing, 'reason')))
    return `${begin} ${words(progressing)}`
  const updated = numberAt(service, 'status.updatedReplicas') ?? 0
  const exist = numberAt(service, 'status.replicas') ?? 0
  const available = numberAt(service, 'status.availableReplicas') ?? 0
  if (updated < wanted) return `${begin} ${updated} out of ${wanted} new replicas have been updated...`
  if (exist > updated) return `${begin} ${exist - updated} old replicas are pending termination...`
  return `${begin} ${available} of ${updated} updated replicas are available...`
}

/** `waiting for 3 instances`, counted by those of the wanted template that are ready. */
function progressOf(service: AnyResource, instances: readonly AnyResource[], nowMs: number): Progress {
  const wanted = wantedInstances(service)
  const hash = textAt(service, 'status.currentHash')
  const mine = sortInstances(instances).filter(
    (instance) => textAt(instance, 'spec.service') === service.metadata.name,
  )
  const isNew = (instance: AnyResource) =>
    hash !== undefined &&
    textAt(instance, 'spec.templateHash') === hash &&
    instance.metadata.deletionTimestamp === undefined
  const isReady = (instance: AnyResource) => instance.status?.ready === true
  const isObserved =
    (numberAt(service, 'status.observedGeneration') ?? 0) >= (service.metadata.generation ?? 0)
  const busy = isObserved
    ? (mine.find((one) => isNew(one) && !isReady(one)) ??
      mine.find((one) => one.metadata.deletionTimestamp !== undefined))
    : undefined
  return {
    label: `waiting for ${formatCount(wanted, 'instance')}`,
    done: isObserved ? Math.min(wanted, mine.filter((one) => isNew(one) && isReady(one)).length) : 0,
    of: wanted,
    ...(busy === undefined ? {} : { detail: busyText(busy, nowMs) }),
  }
}

/** `web-2 starting (1.1 s)` */
function busyText(instance: AnyResource, nowMs: number): string {
  const name = `${textAt(instance, 'spec.service') ?? ''}-${numberAt(instance, 'spec.ordinal') ?? 0}`
  const since = Date.parse(instance.metadata.deletionTimestamp ?? instance.metadata.creationTimestamp ?? '')
  const trouble = troubleText(instance, nowMs)
  // a program that runs and is not ready is still on its way, to those who wait for it
  const state = stateText(instance) === 'running' ? 'starting' : stateText(instance)
  const span = Number.isNaN(since) ? '' : ` (${formatSpan(nowMs - since)})`
  return `${name} ${state}${span}${trouble === '' ? '' : `: ${trouble}`}`
}

function conditionOf(service: AnyResource, type: string): Record<string, unknown> | undefined {
  return mapsAt(service, 'status.conditions').find((condition) => condition.type === type)
}

function words(condition: Record<string, unknown>): string {
  return textAt(condition, 'message') ?? textAt(condition, 'reason') ?? 'no reason given'
}
