/** The live view where there is no terminal: a line for every change that a person would want to hear of. */
import type { Client } from '../client/client.ts'
import type { Clock } from '../core/clock.ts'
import type { AnyResource } from '../resources/object.ts'
import { stateText, troubleText } from './describe/parts.ts'
import { eventView, messageText, sortEvents } from './events.ts'
import { flagAt, numberAt, textAt } from './fields.ts'
import { compareText } from './sort.ts'
import { runWatchFeed, type WatchSnapshot } from './watch-feed.ts'
import { printable } from './width.ts'

export interface PlainWatchOptions {
  readonly client: Client
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Only this namespace; all where left out. */
  readonly namespace?: string
  /** Gets whole lines, ended. */
  readonly write: (text: string) => void
}

/** Writes lines until the signal aborts. */
export async function runPlainWatch(options: PlainWatchOptions): Promise<void> {
  const lines = createChangeLines(options.namespace)
  await runWatchFeed({
    ...options,
    onSnapshot(snapshot) {
      for (const line of lines(snapshot, options.clock.now()))
        options.write(`${timeText(options.clock.now())}  ${line}\n`)
    },
  })
}

/** `12:04:11`, in local time. */
export function timeText(atMs: number): string {
  const at = new Date(atMs)
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':')
}

/** Turns snapshots into the lines that differ from what was said before. */
export function createChangeLines(
  namespace?: string,
): (snapshot: WatchSnapshot, nowMs: number) => readonly string[] {
  const said = new Map<string, string>()
  const saidEvents = new Set<string>()
  let about = ''
  let isFirst = true
  const isShown = (object: AnyResource) => namespace === undefined || object.metadata.namespace === namespace
  return (snapshot, nowMs) => {
    const lines: string[] = []
    const state = systemText(snapshot)
    if (state !== about) {
      about = state
      if (state !== '') lines.push(state)
    }
    if (!snapshot.isLoaded) return lines
    const now = new Map<string, string>()
    for (const object of [...snapshot.services, ...snapshot.instances].filter(isShown))
      now.set(nameText(object, namespace), objectText(object, nowMs))
    for (const [name, text] of [...now].sort(([a], [b]) => compareText(a, b)))
      if (said.get(name) !== text) lines.push(`${name} ${text}`)
    for (const name of said.keys()) if (!now.has(name)) lines.push(`${name} gone`)
    said.clear()
    for (const [name, text] of now) said.set(name, text)
    for (const event of sortEvents(snapshot.events.filter(isShown))) {
      const view = eventView(event)
      const key = `${event.metadata.namespace}/${event.metadata.name} ${view.count}`
      if (saidEvents.has(key)) continue
      saidEvents.add(key)
      // what happened before this began is history: `nsctl events` shows it
      if (!isFirst) lines.push(`${view.type} ${printable(view.reason)} ${view.object}: ${messageText(view)}`)
    }
    isFirst = false
    return lines
  }
}

function systemText({ daemon, outage }: WatchSnapshot): string {
  if (outage !== undefined)
    return `the store cannot be reached: ${outage.message}. What runs keeps running; trying again`
  if (daemon === undefined) return ''
  return daemon.running
    ? `nsctl is running: ${daemon.runtime ?? 'unknown runtime'}, pid ${daemon.pid ?? 'unknown'}`
    : 'nobody is acting on this: start it with nsctl up'
}

function nameText(object: AnyResource, namespace: string | undefined): string {
  const name = `${object.kind.toLowerCase()}/${object.metadata.name}`
  return namespace === undefined && object.metadata.namespace !== 'default'
    ? `${object.metadata.namespace}: ${name}`
    : name
}

/** What matters of an object; CPU and memory move all the time and are left out. */
function objectText(object: AnyResource, nowMs: number): string {
  if (object.kind === 'Service') {
    const parts = [
      `${textAt(object, 'status.ready') ?? `0/${numberAt(object, 'spec.replicas') ?? 1}`} ready`,
      `r${object.metadata.revision ?? '?'}`,
      textAt(object, 'status.url'),
      textAt(object, 'status.summary'),
    ]
    return printable(parts.filter((part) => part !== undefined).join('  '))
  }
  const trouble = textAt(object, 'status.message') === undefined ? '' : `  ${troubleText(object, nowMs)}`
  const ports = textAt(object, 'status.portsText')
  const ready = flagAt(object, 'status.ready') === true ? ', ready' : ''
  return printable(`${stateText(object)}${ready}${ports === undefined ? '' : `  ${ports}`}${trouble}`)
}
