/** Events in order of time, as rows. */
import type { AnyResource } from '../resources/object.ts'
import { ageText, columnWidths, renderRows } from './table.ts'
import type { RowWriter } from './watch-rows.ts'
import { printable } from './width.ts'

/** What an Event says, with nothing missing. */
export interface EventView {
  readonly lastTimestamp: string
  readonly type: string
  readonly reason: string
  /** `service/web` */
  readonly object: string
  readonly message: string
  readonly count: number
}

/** Reads an Event's members; what is missing is empty. */
export function eventView(event: AnyResource): EventView {
  const text = (name: string) => {
    const value = event[name]
    return typeof value === 'string' ? value : ''
  }
  return {
    lastTimestamp: text('lastTimestamp') || (event.metadata.creationTimestamp ?? ''),
    type: text('type'),
    reason: text('reason'),
    object: text('objectText'),
    message: text('message'),
    count: typeof event.count === 'number' ? event.count : 1,
  }
}

/** Oldest first, as `nsctl events` prints them. Events of one moment keep their names' order. */
export function sortEvents(events: readonly AnyResource[]): readonly AnyResource[] {
  return [...events].sort((a, b) => {
    const [left, right] = [eventView(a).lastTimestamp, eventView(b).lastTimestamp]
    return left < right ? -1 : left > right ? 1 : a.metadata.name < b.metadata.name ? -1 : 1
  })
}

/** Whether an event is about an object: about that very one where both say which, not about an earlier one of its name. */
export function isAbout(
  event: AnyResource,
  about: { readonly kind: string; readonly name: string; readonly namespace?: string; readonly uid?: string },
): boolean {
  const involved = event.involvedObject as Record<string, unknown> | undefined
  return (
    involved?.kind === about.kind &&
    involved.name === about.name &&
    (about.namespace === undefined || involved.namespace === about.namespace) &&
    (about.uid === undefined || involved.uid === undefined || involved.uid === about.uid)
  )
}

/** Whether an event is about an instance of a service, by its name: the instance itself may be gone. */
export function isAboutInstanceOf(
  event: AnyResource,
  service: string,
  namespace: string | undefined,
): boolean {
  const involved = event.involvedObject as Record<string, unknown> | undefined
  const name = involved?.name
  return (
    involved?.kind === 'Instance' &&
    (namespace === undefined || involved.namespace === namespace) &&
    typeof name === 'string' &&
    name.startsWith(`${service}-`) &&
    /^[0-9]+-[a-z0-9]{5}$/.test(name.slice(service.length + 1))
  )
}

export interface EventTableOptions {
  readonly now: () => number
  readonly noHeaders?: boolean
  readonly showNamespace?: boolean
}

const HEADINGS = ['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE']

/** `LAST SEEN  TYPE  REASON  OBJECT  MESSAGE`, in the order given: headings once, and columns that only ever grow. */
export function createEventWriter(options: EventTableOptions): RowWriter {
  let widths: readonly number[] = []
  let isHeaded = options.noHeaders === true
  return {
    rows(events) {
      if (events.length === 0) return ''
      const body = events.map((event) => eventCells(event, options))
      const headings = options.showNamespace === true ? ['NAMESPACE', ...HEADINGS] : HEADINGS
      const rows = isHeaded ? body : [headings, ...body]
      isHeaded = true
      widths = columnWidths(rows, widths)
      return renderRows(rows, { widths })
    },
  }
}

function eventCells(event: AnyResource, options: EventTableOptions): readonly string[] {
  const view = eventView(event)
  const cells = [
    ageText(view.lastTimestamp, options.now()),
    printable(view.type),
    printable(view.reason),
    printable(view.object),
    messageText(view),
  ]
  return options.showNamespace === true ? [event.metadata.namespace ?? '', ...cells] : cells
}

/** The message, with how often where it was more than once. */
export function messageText(view: EventView): string {
  return printable(view.message) + (view.count > 1 ? ` (${view.count} times)` : '')
}
