/** One sitting at the live view: the snapshot, what was chosen, and the commands that keys give. Knows nothing of ink. */
import type { Client } from '../../client/client.ts'
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import { type AnyResource, refOfObject } from '../../resources/object.ts'
import { describeObject } from '../describe/describe.ts'
import { gatherDescription } from '../describe/description.ts'
import { textAt } from '../fields.ts'
import { scalerOf } from '../scaler/about.ts'
import type { WatchSnapshot } from '../watch-feed.ts'
import { printable } from '../width.ts'
import type { Line } from './lines.ts'
import { paneHeight, type ScreenInput, screenLines, shownServices } from './screen.ts'
import { type Effect, type KeyPress, keyOf, onKey, type TuiState } from './state.ts'

const NOTICE_MS = 6_000
const LOG_LINES_KEPT = 2_000
const LOG_TAIL = 200

export interface SessionOptions {
  readonly client: Client
  readonly clock: Clock
  /** Who presses the keys: recorded with what they change. */
  readonly userName: string
  /** Undefined shows all namespaces. */
  readonly namespace: string | undefined
  readonly onQuit: () => void
}

export interface Session {
  /** The screen as it is now. */
  lines(size: ScreenInput['size']): readonly Line[]
  press(key: KeyPress, size: ScreenInput['size']): void
  update(snapshot: WatchSnapshot): void
  /** Calls `listener` whenever `lines` may have changed. Returns the unsubscribe function. */
  subscribe(listener: () => void): () => void
  /** Moves with every change; the same number, the same screen (but for the clock). */
  version(): number
  close(): void
}

export function createSession(options: SessionOptions): Session {
  const { client, clock } = options
  const listeners = new Set<() => void>()
  let version = 0
  let snapshot: WatchSnapshot = {
    services: [],
    instances: [],
    events: [],
    namespaces: [],
    scalers: [],
    storeUrl: client.storeUrl,
    daemon: undefined,
    outage: undefined,
    isLoaded: false,
  }
  let state: TuiState = {
    mode: { kind: 'list' },
    namespace: options.namespace,
    filter: '',
    selected: undefined,
  }
  let notice: ScreenInput['notice']
  let cancelNotice = () => {}
  let pane: OpenPane | undefined

  const changed = () => {
    version++
    for (const listener of listeners) listener()
  }
  const say = (text: string, isError = false) => {
    notice = { text, isError }
    cancelNotice()
    cancelNotice = clock.schedule(NOTICE_MS, () => {
      notice = undefined
      changed()
    })
    changed()
  }
  const closePane = () => {
    pane?.close()
    pane = undefined
  }
  const run = (effect: Effect) => {
    if (effect.kind === 'quit') options.onQuit()
    else if (effect.kind === 'close') closePane()
    else if (effect.kind === 'open') {
      closePane()
      pane =
        effect.what === 'logs'
          ? openLogs(client, effect.service, snapshot, changed)
          : openDescription(client, clock, () => described(effect, snapshot), changed)
    } else
      void command(client, effect, options.userName, clock.now()).then(
        (text) => say(text),
        (error: unknown) => say(messageOf(error), true),
      )
  }

  return {
    lines: (size) =>
      screenLines({ snapshot, state, size, nowMs: clock.now(), pane: pane?.lines() ?? [], notice }),
    press(key, size) {
      const outcome = onKey(state, key, {
        services: shownServices(snapshot, state),
        namespaces: snapshot.namespaces,
        pane: { height: paneHeight(size.rows), length: pane?.lines().length ?? 0 },
      })
      state = outcome.state
      if (outcome.effect !== undefined) run(outcome.effect)
      changed()
    },
    update(next) {
      snapshot = next
      pane?.refresh(next)
      changed()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    version: () => version,
    close() {
      closePane()
      cancelNotice()
    },
  }
}

/** Does what a key asked for; resolves to what to say. */
async function command(
  client: Client,
  effect: Extract<Effect, { kind: 'scale' | 'restart' | 'undo' }>,
  userName: string,
  nowMs: number,
): Promise<string> {
  const { service } = effect
  const { name } = service.metadata
  const ref = refOfObject(service)
  const actor = { name: userName, from: 'watch' }
  if (effect.kind === 'scale') {
    await client.scale(ref, effect.replicas, { actor })
    return `${name} scaled to ${effect.replicas}`
  }
  if (effect.kind === 'restart') {
    const restartedAt = new Date(nowMs).toISOString()
    const patch = { spec: { template: { restartedAt } } }
    await client.patch(ref, 'merge', patch, { actor, verb: 'restarted' })
    return `${name} restarts`
  }
  const { object } = await client.rollback(ref, { actor })
  return `${name} rolled back: r${object.metadata.revision}`
}

/** The page or the logs over the panes. */
interface OpenPane {
  lines(): readonly string[]
  refresh(snapshot: WatchSnapshot): void
  close(): void
}

/** What is shown of a service: itself, or the scaler that it has. */
function described(
  { what, service }: Extract<Effect, { kind: 'open' }>,
  { scalers }: WatchSnapshot,
): Described {
  if (what !== 'why') return { object: service, none: '' }
  const none = `nothing scales ${keyOf(service)}: its replicas are what was applied or set by nsctl scale`
  return { object: scalerOf(service, scalers), none }
}

interface Described {
  readonly object: AnyResource | undefined
  /** Said where there is none. */
  readonly none: string
}

function openDescription(client: Client, clock: Clock, what: () => Described, changed: () => void): OpenPane {
  let lines: readonly string[] = ['reading…']
  let isReading = false
  let isStale = true
  let isClosed = false
  const read = async () => {
    isStale = true
    if (isReading) return
    isReading = true
    while (isStale && !isClosed) {
      isStale = false
      lines = await page(client, what(), clock.now())
      changed()
    }
    isReading = false
  }
  void read()
  return {
    lines: () => lines,
    refresh: () => void read(),
    close() {
      isClosed = true
    },
  }
}

/** The description's lines, or what kept it from being read. */
async function page(
  client: Client,
  { object: shown, none }: Described,
  nowMs: number,
): Promise<readonly string[]> {
  if (shown === undefined) return [none]
  try {
    const object = await client.get(refOfObject(shown))
    if (object === undefined) return [`${keyOf(shown)} is gone`]
    const kind = client.kinds.byKind(shown.kind)
    const text = await describeObject(await gatherDescription(client, kind, object, nowMs))
    return text.trimEnd().split('\n')
  } catch (error) {
    return [messageOf(error)]
  }
}

/** The end of the logs of all instances, and what comes; instances that come later are joined. */
function openLogs(
  client: Client,
  service: AnyResource,
  snapshot: WatchSnapshot,
  changed: () => void,
): OpenPane {
  const ended = new AbortController()
  const lines: string[] = []
  const known = new Set<string>()
  const push = (text: string) => {
    lines.push(printable(text))
    if (lines.length > LOG_LINES_KEPT) lines.splice(0, lines.length - LOG_LINES_KEPT)
    changed()
  }
  const follow = async (instance: AnyResource) => {
    const request = { instances: [instance], follow: true, tail: LOG_TAIL }
    try {
      for await (const entry of client.logs(request, ended.signal))
        if (entry.stream !== 'manager') push(`[${entry.instance}] ${entry.text}`)
    } catch (error) {
      if (!ended.signal.aborted) push(`[${instance.metadata.name}] ${messageOf(error)}`)
    }
  }
  const join = ({ instances }: WatchSnapshot) => {
    for (const instance of instances) {
      const isMine =
        instance.metadata.namespace === service.metadata.namespace &&
        textAt(instance, 'spec.service') === service.metadata.name &&
        instance.status !== undefined
      if (!isMine || known.has(instance.metadata.name)) continue
      known.add(instance.metadata.name)
      void follow(instance)
    }
  }
  join(snapshot)
  return { lines: () => lines, refresh: join, close: () => ended.abort() }
}
