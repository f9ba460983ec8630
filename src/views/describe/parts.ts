/** Blocks that descriptions of several kinds share. */
import { formatAge, formatBytes, formatCpu } from '../../core/quantity.ts'
import { UNKNOWN_PHASE } from '../../resources/heard.ts'
import type { AnyResource } from '../../resources/object.ts'
import { eventView, messageText, sortEvents } from '../events.ts'
import { mapsAt, numberAt, textAt } from '../fields.ts'
import { authorText } from '../history.ts'
import { compareText } from '../sort.ts'
import { ageText, renderRows } from '../table.ts'
import { printable } from '../width.ts'
import type { Description } from './description.ts'
import { type Block, linesOf } from './layout.ts'

const EVENTS_SHOWN = 10

/** `revision r7, applied 12m ago by ada from git 3f9c2e1 (shop/web.yaml)`, or only how old it is. */
export function originText({ object, revisions, nowMs }: Description): string {
  const latest = revisions[0]
  if (latest === undefined) return `created ${ageText(object.metadata.creationTimestamp, nowMs)} ago`
  return `revision r${latest.revision}, ${printable(latest.cause)} ${ageText(latest.at, nowMs)} ago by ${authorText(latest)}`
}

export function labelBlocks(object: AnyResource): readonly Block[] {
  const lines = (map: Readonly<Record<string, string>> | undefined) =>
    Object.entries(map ?? {})
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => printable(`${key}=${value}`))
  return [
    ['Labels', lines(object.metadata.labels)],
    ['Annotations', lines(object.metadata.annotations)],
  ]
}

/** What an object that is going waits for, and who owns it. */
export function lifeBlocks({ object, nowMs }: Description): readonly Block[] {
  const { deletionTimestamp, finalizers = [], ownerReferences = [] } = object.metadata
  const owners = ownerReferences.map((owner) => `${owner.kind.toLowerCase()}/${owner.name}`)
  const deleting =
    deletionTimestamp === undefined
      ? []
      : [
          `asked for ${ageText(deletionTimestamp, nowMs)} ago; waits for ${finalizers.join(', ') || 'nothing'}`,
        ]
  return [
    ['Owned by', owners.length === 0 ? [] : [owners.join(', ')]],
    ['Deleting', deleting],
  ]
}

/** `Ready   True   since 11m   3 of 3 ready` */
export function conditionsBlock({ object, nowMs }: Description): Block {
  const rows = mapsAt(object, 'status.conditions').map((condition) => {
    const reason = textAt(condition, 'reason') ?? ''
    const message = textAt(condition, 'message')
    return [
      textAt(condition, 'type') ?? '',
      textAt(condition, 'status') ?? '',
      `since ${ageText(condition.lastTransitionTime, nowMs)}`,
      printable(message === undefined ? reason : `${reason}: ${message}`),
    ]
  })
  return ['Conditions', linesOf(renderRows(rows))]
}

/** `as web.service.consul in Consul at 127.0.0.1:8500 (2 of 3 instances)`, and what stands in the way of others. */
export function catalogBlock(instances: readonly AnyResource[]): Block {
  const counts = new Map<string, number>()
  for (const instance of instances) {
    const condition = mapsAt(instance, 'status.conditions').find(({ type }) => type === 'Registered')
    const message = textAt(condition, 'message')
    if (message !== undefined) counts.set(message, (counts.get(message) ?? 0) + 1)
  }
  const share = (count: number) =>
    instances.length === 1 ? '' : ` (${count} of ${instances.length} instances)`
  return ['Catalog', [...counts].map(([message, count]) => printable(`${message}${share(count)}`))]
}

/** Newest first, the last few. */
export function eventsBlock({ events, nowMs }: Description): Block {
  const newest = [...sortEvents(events)].reverse()
  const rows = newest.slice(0, EVENTS_SHOWN).map((event) => {
    const view = eventView(event)
    return [
      ageText(view.lastTimestamp, nowMs),
      view.type,
      printable(view.reason),
      printable(view.object),
      messageText(view),
    ]
  })
  const lines = [...linesOf(renderRows(rows))]
  const rest = newest.length - EVENTS_SHOWN
  if (rest > 0) lines.push(`and ${rest} older`)
  return ['Events', lines]
}

/** Instances in order of their ordinals, with how each last failed behind it. */
export function instancesBlock(instances: readonly AnyResource[], nowMs: number): Block {
  if (instances.length === 0) return ['Instances', []]
  const rows = sortInstances(instances).map((instance) => [
    instance.metadata.name,
    textAt(instance, 'spec.node') ?? '-',
    stateText(instance),
    instance.status === undefined ? '-' : (textAt(instance, 'status.readyText') ?? 'no'),
    String(numberAt(instance, 'status.restarts') ?? 0),
    cpuText(instance),
    memoryText(instance),
    ageText(textAt(instance, 'status.startedAt') ?? instance.metadata.creationTimestamp, nowMs),
    troubleText(instance, nowMs),
  ])
  const headings = ['NAME', 'NODE', 'STATE', 'READY', 'RESTARTS', 'CPU', 'MEMORY', 'SINCE', '']
  return ['Instances', linesOf(renderRows([headings, ...rows]))]
}

export function sortInstances(instances: readonly AnyResource[]): readonly AnyResource[] {
  return [...instances].sort((a, b) => compareText(a.metadata.name, b.metadata.name))
}

/** `running`, `stopping`; an instance that nobody has looked at is pending, and unknown is whether one ends that is not heard of. */
export function stateText(instance: AnyResource): string {
  if (instance.status?.phase === UNKNOWN_PHASE) return 'unknown'
  if (instance.metadata.deletionTimestamp !== undefined) return 'stopping'
  return (textAt(instance, 'status.phase') ?? 'Pending').toLowerCase()
}

export function cpuText(instance: AnyResource): string {
  const millis = numberAt(instance, 'status.cpuMillis')
  return millis === undefined ? '-' : formatCpu(millis)
}

export function memoryText(instance: AnyResource): string {
  const bytes = numberAt(instance, 'status.memoryBytes')
  return bytes === undefined ? '-' : formatBytes(bytes)
}

/** What is wrong now, else how it last failed: `last: exit code 78 3m ago`. Empty where nothing ever was. */
export function troubleText(instance: AnyResource, nowMs: number): string {
  const message = textAt(instance, 'status.message')
  if (message !== undefined) return printable(message)
  return lastFailureText(instance, nowMs)
}

export function lastFailureText(instance: AnyResource, nowMs: number): string {
  const failure = instance.status?.lastFailure
  if (failure === undefined) return ''
  const program = textAt(failure, 'program')
  const what = textAt(failure, 'message') ?? exitText(failure) ?? textAt(failure, 'reason') ?? 'failed'
  const at = textAt(failure, 'at')
  const when = at === undefined ? '' : `, ${formatAge(nowMs - Date.parse(at))} ago`
  return printable(`last: ${program === undefined ? '' : `${program}: `}${what}${when}`)
}

function exitText(failure: unknown): string | undefined {
  const signal = textAt(failure, 'signal')
  if (signal !== undefined) return `ended by ${signal}`
  const code = numberAt(failure, 'exitCode')
  return code === undefined ? undefined : `exit code ${code}`
}
