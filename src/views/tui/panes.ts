/** The three panes of the main screen. Pure: a snapshot in, lines out. */
import type { AnyResource } from '../../resources/object.ts'
import { cpuText, memoryText, sortInstances, stateText, troubleText } from '../describe/parts.ts'
import { eventView, messageText } from '../events.ts'
import { flagAt, numberAt, textAt } from '../fields.ts'
import { progressBar } from '../progress.ts'
import { scalerOf, scalingRemark } from '../scaler/about.ts'
import { ageText } from '../table.ts'
import { wantedInstances } from '../wanted.ts'
import { printable } from '../width.ts'
import { type Line, type Span, span, type Tone, tableLines, windowAround } from './lines.ts'
import { keyOf } from './state.ts'

const BAR_CELLS = 8

export interface ServicesPane {
  readonly services: readonly AnyResource[]
  readonly scalers: readonly AnyResource[]
  readonly selected: string | undefined
  readonly showNamespace: boolean
  readonly height: number
}

/** Heading and rows; the selected one marked. */
export function serviceLines({
  services,
  scalers,
  selected,
  showNamespace,
  height,
}: ServicesPane): readonly Line[] {
  const headings = [...(showNamespace ? ['NAMESPACE'] : []), 'NAME', 'READY', '', 'REV', 'URL', '']
  const rows = services.map((service) => serviceCells(service, scalerOf(service, scalers), showNamespace))
  const lines = tableLines([headings.map((heading) => span(heading, 'faint')), ...rows])
  const [heading = [], ...body] = lines
  const marked = body.map((line, i): Line => {
    const isSelected = keyOf(services[i] as AnyResource) === selected
    return [
      span(isSelected ? '▸ ' : '  ', isSelected ? 'accent' : 'plain'),
      ...(isSelected ? emphasized(line) : line),
    ]
  })
  const at = services.findIndex((service) => keyOf(service) === selected)
  return [[span('  '), ...heading], ...windowAround(marked, at, height - 1)]
}

function emphasized(line: Line): Line {
  return line.map((cell) => (cell.tone === 'plain' ? { ...cell, tone: 'strong' } : cell))
}

function serviceCells(service: AnyResource, scaler: AnyResource | undefined, showNamespace: boolean): Span[] {
  const wanted = wantedInstances(service)
  const ready = numberAt(service, 'status.readyReplicas') ?? 0
  const summary = textAt(service, 'status.summary')
  const tone: Tone = ready >= wanted ? 'good' : ready === 0 ? 'bad' : 'warn'
  return [
    ...(showNamespace ? [span(service.metadata.namespace ?? '')] : []),
    span(service.metadata.name),
    span(progressBar(ready, wanted, BAR_CELLS), tone),
    span(`${ready}/${wanted}`),
    span(textAt(service, 'status.revisionName') ?? `r${service.metadata.revision ?? '?'}`),
    span(printable(textAt(service, 'status.url') ?? '-')),
    summary === undefined && scaler !== undefined
      ? span(scalingRemark(scaler), 'faint')
      : span(printable(summary ?? ''), 'warn'),
  ]
}

/** Instances of one service. */
export function instanceLines(
  instances: readonly AnyResource[],
  nowMs: number,
  height: number,
): readonly Line[] {
  const headings = ['NAME', 'STATE', 'READY', 'RST', 'CPU', 'MEMORY', 'PORTS', 'SINCE', '']
  const rows = sortInstances(instances).map((instance) => instanceCells(instance, nowMs))
  const lines = tableLines([headings.map((heading) => span(heading, 'faint')), ...rows])
  const shown = lines.slice(0, height)
  if (lines.length > height && height > 1)
    shown[height - 1] = [span(`and ${lines.length - height + 1} more`, 'faint')]
  return shown.map((line) => [span('  '), ...line])
}

function instanceCells(instance: AnyResource, nowMs: number): Span[] {
  const state = stateText(instance)
  const isReady = flagAt(instance, 'status.ready') === true
  const restarts = numberAt(instance, 'status.restarts') ?? 0
  return [
    span(instance.metadata.name),
    span(state, stateTone(state)),
    span(isReady ? 'yes' : 'no', isReady ? 'good' : 'warn'),
    span(String(restarts), restarts > 0 ? 'warn' : 'plain'),
    span(cpuText(instance)),
    span(memoryText(instance)),
    span(printable(textAt(instance, 'status.portsText') ?? '-')),
    span(ageText(textAt(instance, 'status.startedAt') ?? instance.metadata.creationTimestamp, nowMs)),
    span(troubleText(instance, nowMs), 'warn'),
  ]
}

function stateTone(state: string): Tone {
  if (state === 'running') return 'good'
  if (state === 'backoff' || state === 'failed') return 'bad'
  return state === 'stopping' || state === 'stopped' ? 'faint' : 'warn'
}

/** The latest events, newest first. */
export function eventLines(events: readonly AnyResource[], nowMs: number, height: number): readonly Line[] {
  const newest = [...events]
    .sort((a, b) => (eventView(a).lastTimestamp < eventView(b).lastTimestamp ? 1 : -1))
    .slice(0, height)
  const rows = newest.map((event) => {
    const view = eventView(event)
    const tone: Tone = view.type === 'Warning' ? 'warn' : 'plain'
    return [
      span(ageText(view.lastTimestamp, nowMs), 'faint'),
      span(printable(view.reason), tone),
      span(printable(view.object)),
      span(messageText(view)),
    ]
  })
  return tableLines(rows).map((line) => [span('  '), ...line])
}
