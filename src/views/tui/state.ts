/** What the person at the keyboard has chosen, and what a key makes of it. Pure. */
import type { AnyResource } from '../../resources/object.ts'
import { MOST_REPLICAS } from '../../resources/service/replicas.ts'

export type Mode =
  | { readonly kind: 'list' }
  | { readonly kind: 'filter' }
  | { readonly kind: 'scale'; readonly replicas: number }
  | { readonly kind: 'confirm'; readonly what: 'restart' | 'undo' }
  | { readonly kind: 'namespaces'; readonly at: number }
  | {
      readonly kind: 'pane'
      readonly what: 'describe' | 'logs' | 'why'
      readonly scroll: number
      readonly shift: number
    }
  | { readonly kind: 'help' }

export interface TuiState {
  readonly mode: Mode
  /** Undefined shows all namespaces. */
  readonly namespace: string | undefined
  /** Part of a service's name. */
  readonly filter: string
  /** `shop/web`; undefined until there is a service. */
  readonly selected: string | undefined
}

/** What a key asks of the world outside. */
export type Effect =
  | { readonly kind: 'quit' }
  | { readonly kind: 'scale'; readonly service: AnyResource; readonly replicas: number }
  | { readonly kind: 'restart'; readonly service: AnyResource }
  | { readonly kind: 'undo'; readonly service: AnyResource }
  | { readonly kind: 'open'; readonly what: 'describe' | 'logs' | 'why'; readonly service: AnyResource }
  | { readonly kind: 'close' }

/** A key as ink reports it, reduced to what is used here. */
export interface KeyPress {
  readonly input: string
  readonly name?:
    | 'up'
    | 'down'
    | 'left'
    | 'right'
    | 'pageUp'
    | 'pageDown'
    | 'home'
    | 'end'
    | 'enter'
    | 'escape'
    | 'backspace'
}

/** What the keys act on. */
export interface KeyContext {
  /** The services that are shown, in order. */
  readonly services: readonly AnyResource[]
  readonly namespaces: readonly string[]
  /** Lines that a pane shows at once, and has. */
  readonly pane: { readonly height: number; readonly length: number }
}

export interface KeyOutcome {
  readonly state: TuiState
  readonly effect?: Effect
}

const SHIFT_CELLS = 20
const list: Mode = { kind: 'list' }

export function keyOf(service: AnyResource): string {
  return `${service.metadata.namespace}/${service.metadata.name}`
}

/** The selected service; the first where the selected one is not (or no longer) shown. */
export function selectedService(state: TuiState, services: readonly AnyResource[]): AnyResource | undefined {
  return services.find((service) => keyOf(service) === state.selected) ?? services[0]
}

export function onKey(state: TuiState, key: KeyPress, context: KeyContext): KeyOutcome {
  switch (state.mode.kind) {
    case 'list':
      return inList(state, key, context)
    case 'filter':
      return inFilter(state, key)
    case 'scale':
      return inScale(state, state.mode.replicas, key, context)
    case 'confirm':
      return inConfirm(state, state.mode.what, key, context)
    case 'namespaces':
      return inNamespaces(state, state.mode.at, key, context)
    case 'pane':
      return inPane(state, state.mode, key, context)
    case 'help':
      return { state: { ...state, mode: list } }
  }
}

function inList(state: TuiState, key: KeyPress, context: KeyContext): KeyOutcome {
  const step = movement(key, context.services.length)
  if (step !== undefined) return { state: moveSelection(state, step, context.services) }
  if (key.input === 'q') return { state, effect: { kind: 'quit' } }
  if (key.input === '?') return { state: { ...state, mode: { kind: 'help' } } }
  if (key.input === '/') return { state: { ...state, mode: { kind: 'filter' } } }
  if (key.name === 'escape') return { state: { ...state, filter: '' } }
  if (key.input === 'n') {
    const at = state.namespace === undefined ? 0 : context.namespaces.indexOf(state.namespace) + 1
    return { state: { ...state, mode: { kind: 'namespaces', at } } }
  }
  const service = selectedService(state, context.services)
  return service === undefined ? { state } : onService(state, key, service)
}

/** Keys that act on the selected service. */
function onService(state: TuiState, key: KeyPress, service: AnyResource): KeyOutcome {
  const chosen = { ...state, selected: keyOf(service) }
  if (key.name === 'enter' || key.input === 'l' || key.input === 'w') {
    const what = key.input === 'l' ? 'logs' : key.input === 'w' ? 'why' : 'describe'
    // logs open at their end, pages at their beginning
    const scroll = what === 'logs' ? Number.MAX_SAFE_INTEGER : 0
    return {
      state: { ...chosen, mode: { kind: 'pane', what, scroll, shift: 0 } },
      effect: { kind: 'open', what, service },
    }
  }
  if (key.input === 's') {
    const replicas = typeof service.spec?.replicas === 'number' ? service.spec.replicas : 1
    return { state: { ...chosen, mode: { kind: 'scale', replicas } } }
  }
  if (key.input === 'r') return { state: { ...chosen, mode: { kind: 'confirm', what: 'restart' } } }
  if (key.input === 'u') return { state: { ...chosen, mode: { kind: 'confirm', what: 'undo' } } }
  return { state }
}

function movement(key: KeyPress, count: number): number | undefined {
  if (key.name === 'up' || key.input === 'k') return -1
  if (key.name === 'down' || key.input === 'j') return 1
  if (key.name === 'pageUp') return -10
  if (key.name === 'pageDown') return 10
  if (key.name === 'home' || key.input === 'g') return -count
  if (key.name === 'end' || key.input === 'G') return count
  return undefined
}

function moveSelection(state: TuiState, step: number, services: readonly AnyResource[]): TuiState {
  const current = selectedService(state, services)
  if (current === undefined) return state
  const at = clamp(services.indexOf(current) + step, 0, services.length - 1)
  return { ...state, selected: keyOf(services[at] as AnyResource) }
}

function inFilter(state: TuiState, key: KeyPress): KeyOutcome {
  if (key.name === 'enter') return { state: { ...state, mode: list } }
  if (key.name === 'escape') return { state: { ...state, filter: '', mode: list } }
  if (key.name === 'backspace') return { state: { ...state, filter: state.filter.slice(0, -1) } }
  return key.name === undefined ? { state: { ...state, filter: state.filter + key.input } } : { state }
}

function inScale(state: TuiState, replicas: number, key: KeyPress, context: KeyContext): KeyOutcome {
  const to = (count: number): KeyOutcome => ({
    state: { ...state, mode: { kind: 'scale', replicas: clamp(count, 0, MOST_REPLICAS) } },
  })
  if (key.name === 'escape' || key.input === 'q') return { state: { ...state, mode: list } }
  if (key.name === 'up' || key.input === '+' || key.input === 'k') return to(replicas + 1)
  if (key.name === 'down' || key.input === '-' || key.input === 'j') return to(replicas - 1)
  if (key.name === 'backspace') return to(Math.floor(replicas / 10))
  if (/^[0-9]$/.test(key.input)) return to(replicas * 10 + Number(key.input))
  if (key.name !== 'enter') return { state }
  const service = selectedService(state, context.services)
  return {
    state: { ...state, mode: list },
    ...(service === undefined ? {} : { effect: { kind: 'scale', service, replicas } }),
  }
}

function inConfirm(
  state: TuiState,
  what: 'restart' | 'undo',
  key: KeyPress,
  context: KeyContext,
): KeyOutcome {
  const service = selectedService(state, context.services)
  const closed = { ...state, mode: list }
  const isYes = key.input === 'y' || key.name === 'enter'
  return isYes && service !== undefined
    ? { state: closed, effect: { kind: what, service } }
    : { state: closed }
}

function inNamespaces(state: TuiState, at: number, key: KeyPress, context: KeyContext): KeyOutcome {
  // the first is "all"
  const count = context.namespaces.length + 1
  if (key.name === 'escape' || key.input === 'q') return { state: { ...state, mode: list } }
  if (key.name === 'enter')
    return { state: { ...state, mode: list, namespace: at === 0 ? undefined : context.namespaces[at - 1] } }
  const step = movement(key, count)
  return step === undefined
    ? { state }
    : { state: { ...state, mode: { kind: 'namespaces', at: clamp(at + step, 0, count - 1) } } }
}

function inPane(
  state: TuiState,
  pane: Extract<Mode, { kind: 'pane' }>,
  key: KeyPress,
  context: KeyContext,
): KeyOutcome {
  if (key.name === 'escape' || key.name === 'enter' || key.input === 'q')
    return { state: { ...state, mode: list }, effect: { kind: 'close' } }
  if (key.name === 'left' || key.name === 'right') {
    const shift = Math.max(0, pane.shift + (key.name === 'left' ? -SHIFT_CELLS : SHIFT_CELLS))
    return { state: { ...state, mode: { ...pane, shift } } }
  }
  const { height, length } = context.pane
  const most = Math.max(0, length - height)
  const paged =
    key.name === 'pageUp' ? -height : key.name === 'pageDown' || key.input === ' ' ? height : undefined
  const step = paged ?? movement(key, length)
  if (step === undefined) return { state }
  const scroll = clamp(Math.min(pane.scroll, most) + step, 0, most)
  // at the end again: stay there with what comes
  const isAtEnd = pane.what === 'logs' && scroll === most
  return { state: { ...state, mode: { ...pane, scroll: isAtEnd ? Number.MAX_SAFE_INTEGER : scroll } } }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value))
}
