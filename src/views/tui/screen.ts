/** The whole screen as lines. Pure: exactly as many lines as the terminal has rows, each exactly as wide. */
import type { AnyResource } from '../../resources/object.ts'
import { formatSpan } from '../duration.ts'
import { textAt } from '../fields.ts'
import { timeText } from '../plain-watch.ts'
import { compareText } from '../sort.ts'
import type { WatchSnapshot } from '../watch-feed.ts'
import { printable, truncate } from '../width.ts'
import { fitLine, type Line, span, spread, titleLine, windowAround } from './lines.ts'
import { eventLines, instanceLines, serviceLines } from './panes.ts'
import { keyOf, selectedService, type TuiState } from './state.ts'

export interface ScreenInput {
  readonly snapshot: WatchSnapshot
  readonly state: TuiState
  readonly size: { readonly columns: number; readonly rows: number }
  readonly nowMs: number
  /** Lines of the open pane: a page of describe, or logs. */
  readonly pane: readonly string[]
  /** What came of the last key: `scaled web to 3`. */
  readonly notice: { readonly text: string; readonly isError: boolean } | undefined
}

const KEYS = '⏎ show  w why  l logs  s scale  r restart  u undo  / find  n ns  ? help  q quit'

const HELP: readonly string[] = [
  '↑ ↓ j k     select a service             PgUp PgDn g G   far',
  'enter       describe it                  esc             back',
  'w           why there are so many: what scales it',
  'l           its logs, live',
  's           scale: + - or a number, then enter',
  'r           restart every instance, a few at a time',
  'u           undo: go back to the revision before',
  '/           show only services whose name holds a text; esc shows all again',
  'n           choose a namespace, or all',
  'q           quit; what runs keeps running',
  '',
  'any key goes back',
]

/** The services that are shown, in order. */
export function shownServices(snapshot: WatchSnapshot, state: TuiState): readonly AnyResource[] {
  return snapshot.services
    .filter((service) => state.namespace === undefined || service.metadata.namespace === state.namespace)
    .filter((service) => service.metadata.name.includes(state.filter))
    .sort((a, b) => compareText(keyOf(a), keyOf(b)))
}

/** Lines that a pane has room for. */
export function paneHeight(rows: number): number {
  return Math.max(1, rows - 4)
}

export function screenLines(input: ScreenInput): readonly Line[] {
  const { columns, rows } = input.size
  const head = [headLine(input), ...outageLines(input)]
  const foot = [promptLine(input), [span(footText(input.state), 'faint')]]
  const room = Math.max(1, rows - head.length - foot.length)
  const body = bodyLines(input, room).slice(0, room)
  while (body.length < room) body.push([])
  return [...head, ...body, ...foot].slice(0, rows).map((line) => fitLine(line, columns))
}

function headLine({ snapshot, state, size, nowMs }: ScreenInput): Line {
  const { daemon } = snapshot
  const acting =
    daemon === undefined
      ? span('…', 'faint')
      : daemon.running
        ? span(`${daemon.runtime ?? 'running'}, pid ${daemon.pid ?? '?'}`, 'good')
        : span('nobody is acting: nsctl up', 'bad')
  const right = [span(`ns ${state.namespace ?? 'all'}`, 'strong'), span(`  ${timeText(nowMs)}`)]
  const room = size.columns - 24 - acting.text.length - (state.namespace ?? 'all').length
  const store = truncate(snapshot.storeUrl, Math.max(8, room))
  return spread([span('nsctl', 'strong'), span(`  ${store}  `, 'faint'), acting], right, size.columns)
}

function outageLines({ snapshot, nowMs }: ScreenInput): readonly Line[] {
  const { outage } = snapshot
  if (outage === undefined) return []
  const since = formatSpan(nowMs - outage.sinceMs)
  return [[span(`store away for ${since}; what runs keeps running. ${printable(outage.message)}`, 'bad')]]
}

function bodyLines(input: ScreenInput, room: number): Line[] {
  const { mode } = input.state
  if (mode.kind === 'help')
    return [titleLine('Keys', input.size.columns), ...HELP.map((line) => [span(`  ${line}`)])]
  if (mode.kind === 'namespaces') return namespaceLines(input, mode.at, room)
  if (mode.kind === 'pane') return paneLines(input, mode, room)
  return mainLines(input, room)
}

function namespaceLines({ snapshot, size }: ScreenInput, at: number, room: number): Line[] {
  const rows = ['all', ...snapshot.namespaces].map((name, i): Line => {
    const isSelected = i === at
    return [span(isSelected ? '▸ ' : '  ', 'accent'), span(name, isSelected ? 'strong' : 'plain')]
  })
  return [titleLine('Namespaces', size.columns), ...windowAround(rows, at, room - 1)]
}

function paneLines(
  { pane, size, state, snapshot }: ScreenInput,
  mode: Extract<TuiState['mode'], { kind: 'pane' }>,
  room: number,
): Line[] {
  const name = selectedService(state, snapshot.services)?.metadata.name ?? ''
  const height = room - 1
  const from = Math.min(mode.scroll, Math.max(0, pane.length - height))
  const shown = pane
    .slice(from, from + height)
    .map((text): Line => [span([...text].slice(mode.shift).join(''))])
  const more = pane.length > height ? `, lines ${from + 1}–${from + shown.length} of ${pane.length}` : ''
  const titles = { logs: `Logs of ${name}`, why: `Why so many of ${name}`, describe: `service/${name}` }
  const title = `${titles[mode.what]}${more}`
  return [titleLine(title, size.columns), ...shown]
}

function mainLines({ snapshot, state, size, nowMs }: ScreenInput, room: number): Line[] {
  const { columns } = size
  const services = shownServices(snapshot, state)
  const selected = selectedService(state, services)
  const instances = snapshot.instances.filter((one) => isOf(one, selected))
  const events = snapshot.events.filter(
    (event) => state.namespace === undefined || event.metadata.namespace === state.namespace,
  )
  // three titles and, where there are rows, two headings
  const [forServices, forInstances, forEvents] = allocate(room - 3, [
    services.length + 1,
    instances.length === 0 ? 1 : instances.length + 1,
    Math.max(1, events.length),
  ])
  const filtered = state.filter === '' ? '' : ` with "${state.filter}"`
  const count = snapshot.isLoaded ? ` ${services.length}` : ''
  return [
    titleLine(`Services${count}${filtered}`, columns),
    ...orNone(
      services.length,
      serviceLines({
        services,
        scalers: snapshot.scalers,
        selected: selected === undefined ? undefined : keyOf(selected),
        showNamespace: state.namespace === undefined && snapshot.namespaces.length > 1,
        height: forServices,
      }),
      snapshot.isLoaded ? 'none: nsctl apply -f …' : 'reading the store…',
    ),
    titleLine(selected === undefined ? 'Instances' : `Instances of ${selected.metadata.name}`, columns),
    ...orNone(instances.length, instanceLines(instances, nowMs, forInstances), 'none'),
    titleLine('Events', columns),
    ...orNone(events.length, eventLines(events, nowMs, forEvents), 'none in the last hour'),
  ]
}

function orNone(count: number, lines: readonly Line[], none: string): readonly Line[] {
  return count === 0 ? [[span(`  ${none}`, 'faint')]] : lines
}

function isOf(instance: AnyResource, service: AnyResource | undefined): boolean {
  return (
    service !== undefined &&
    instance.metadata.namespace === service.metadata.namespace &&
    textAt(instance, 'spec.service') === service.metadata.name
  )
}

/** Rows for each pane: what it wants where there is room, else as fair a share as can be; what is left goes to the last. */
export function allocate(
  room: number,
  wants: readonly [number, number, number],
): readonly [number, number, number] {
  const given: [number, number, number] = [1, 1, 1]
  let left = room - 3
  for (let isGiven = true; isGiven && left > 0; ) {
    isGiven = false
    for (const pane of [0, 1, 2] as const) {
      if (left <= 0 || given[pane] >= wants[pane]) continue
      given[pane]++
      left--
      isGiven = true
    }
  }
  given[2] += Math.max(0, left)
  return given
}

/** What is being typed or asked, else what came of the last key. */
function promptLine({ state, notice, snapshot }: ScreenInput): Line {
  const { mode } = state
  const name = selectedService(state, shownServices(snapshot, state))?.metadata.name ?? ''
  if (mode.kind === 'filter') return [span('filter: ', 'accent'), span(`${state.filter}▏`)]
  if (mode.kind === 'scale')
    return [
      span(`scale ${name} to `, 'accent'),
      span(`${mode.replicas}▏`, 'strong'),
      span('  + - or a number, ⏎ to do it, esc to leave it', 'faint'),
    ]
  if (mode.kind === 'confirm')
    return [
      span(
        mode.what === 'undo'
          ? `undo ${name}: go back to the revision before? `
          : `restart every instance of ${name}? `,
        'accent',
      ),
      span('y/n', 'strong'),
    ]
  if (notice !== undefined) return [span(printable(notice.text), notice.isError ? 'bad' : 'good')]
  return []
}

function footText(state: TuiState): string {
  switch (state.mode.kind) {
    case 'pane':
      return '↑↓ PgUp PgDn scroll  ←→ shift  esc back'
    case 'namespaces':
      return '↑↓ select  ⏎ choose  esc back'
    case 'filter':
      return '⏎ keep  esc show all'
    default:
      return KEYS
  }
}
