/** The ScaledObject controller over a memory store, with sources that say what the test has them say and an algorithm of one line. */
import type { ResourceApi } from '../../../src/api/api.ts'
import { openApi } from '../../../src/api/open.ts'
import { scaledObjectController } from '../../../src/controllers/scaledobject/controller.ts'
import type { Decider } from '../../../src/controllers/scaledobject/decider.ts'
import { ManualClock } from '../../../src/core/clock.ts'
import { NsctlError } from '../../../src/core/errors.ts'
import { randomIds } from '../../../src/core/ids.ts'
import { type Logger, silentLogger } from '../../../src/core/logger.ts'
import { createManager } from '../../../src/engine/manager.ts'
import type { ScaledObject, Service } from '../../../src/resources/generated/types.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import type { Decision, TriggerInput } from '../../../src/scaling/decide.ts'
import type { ScalingPolicy } from '../../../src/scaling/policy.ts'
import { steadyTimeline } from '../../../src/scaling/steady.ts'
import { ScalingTimes } from '../../../src/scaling/times.ts'
import type { OpenedTrigger, OpenTrigger } from '../../../src/scaling/trigger.ts'
import { createMemoryStore } from '../../../src/store/memory/store.ts'
import type { Store } from '../../../src/store/store.ts'
import type { HistoryEntry, HistoryQuery } from '../../../src/telemetry/history/history.ts'
import { MemoryHistory } from '../../../src/telemetry/history/memory.ts'

const actor = { name: 'test' }
const PUSH: ReadonlySet<string> = new Set(['push', 'webhook'])

/** One queue that triggers look at, by the name in their metadata. */
export class Queue {
  value = 0
  /** What a look fails with. */
  error: string | undefined
  code: 'Unreachable' | 'Denied' = 'Unreachable'
  /** Monotonic times of looks. */
  readonly looks: number[] = []
  opened = 0
  closed = 0
  underWay = 0
  mostUnderWay = 0
  /** Looks wait for it where it is set. */
  gate: Promise<void> | undefined
  readonly listeners = new Set<(input: TriggerInput) => void>()

  /** An event: everybody who listens hears of it in the same moment. */
  push(value: number): void {
    this.value = value
    for (const listener of this.listeners) listener(readingOf(value, 0))
  }
}

function readingOf(value: number, readAtMs: number): TriggerInput {
  const reading = { kind: 'values', metrics: [{ name: '', value }], active: value > 0 } as const
  return { reading, readAtMs, error: undefined, failures: 0 }
}

export interface Stage {
  readonly api: ResourceApi
  readonly clock: ManualClock
  readonly store: Store
  readonly history: MemoryHistory
  readonly polled: { readonly lateMs: number }[]
  /** What the algorithm was given last, by ScaledObject. */
  queue(name: string): Queue
  service(name?: string): Promise<Service | undefined>
  scaler(name?: string): Promise<ScaledObject | undefined>
  replicas(name?: string): Promise<number | undefined>
  events(): Promise<readonly string[]>
  put(kind: string, name: string, spec: object, metadata?: object): Promise<void>
  /** A Service and a ScaledObject `web` on a queue of that name, one instance for each 10 that wait. */
  putBoth(name?: string, spec?: object): Promise<void>
  until<T>(check: () => Promise<T> | T): Promise<T>
  /** Lets time pass in steps, with all that it leads to. */
  pass(ms: number, stepMs?: number): Promise<void>
  settle(): Promise<void>
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface StageOptions {
  readonly logger?: Logger
  readonly decider?: Decider
  readonly random?: () => number
  readonly concurrency?: number
}

/** One instance for each 10 that wait, between the bounds; nothing below where anything is unknown; pause holds. */
export const tenEach: Decider = {
  compile({ spec, metadata }) {
    const isPaused = metadata.annotations?.['autoscaling.keda.sh/paused'] === 'true'
    return {
      minReplicas: spec.minReplicaCount ?? 0,
      maxReplicas: spec.maxReplicaCount,
      triggers: spec.triggers.map(({ type, name }, index) => ({ key: name ?? `${type}-${index}`, type })),
      behavior: undefined,
      rules: [],
      protection: { cooldownUpMs: 0, cooldownDownMs: 0 },
      pause: isPaused ? { kind: 'all', replicas: undefined } : undefined,
    } as unknown as ScalingPolicy
  },
  initialState: () => ({
    recommendations: [],
    changes: [],
    lastActiveMs: undefined,
    rules: {},
    heldUntilMs: undefined,
  }),
  decide(policy, { replicas, triggers, time }, state) {
    const values = policy.triggers.map(({ key }) => {
      const input = triggers.get(key)
      const metrics = input?.reading?.kind === 'values' ? input.reading.metrics : []
      return input === undefined || input.error !== undefined ? undefined : metrics[0]?.value
    })
    const known = values.filter((one) => one !== undefined)
    const wish = Math.max(0, ...known.map((value) => Math.ceil(value / 10)))
    const held = known.length < values.length ? Math.max(wish, replicas) : wish
    const bounded = Math.min(policy.maxReplicas, Math.max(policy.minReplicas, held))
    const to = policy.pause === undefined ? bounded : replicas
    const active = known.some((value) => value > 0)
    const decision: Decision = {
      atMs: time.steadyMs,
      at: new Date(time.wallMs).toISOString(),
      from: replicas,
      to,
      active,
      triggers: policy.triggers.map(({ key, type }, index) => ({
        key,
        type,
        metric: '',
        metricType: 'AverageValue',
        value: values[index],
        target: 10,
        unit: '',
        proposal: wish,
        active: (values[index] ?? 0) > 0,
        text: '',
        decides: true,
        error: triggers.get(key)?.error,
        failures: triggers.get(key)?.failures ?? 0,
        ageMs: 0,
      })),
      steps: [],
      because: `queue ${known.join(', ')} ÷ 10`,
      outlook: {
        up: { notBeforeMs: undefined, text: '' },
        down: { notBeforeMs: undefined, text: '' },
        more: undefined,
        fewer: undefined,
      },
      limited: undefined,
      fallback: false,
      faults: [],
    }
    const recommendations = [...state.recommendations, { atMs: time.steadyMs, replicas: wish }].slice(-50)
    const changes =
      to === replicas ? state.changes : [...state.changes, { atMs: time.steadyMs, by: to - replicas }]
    const lastActiveMs = active ? time.steadyMs : state.lastActiveMs
    return { decision, state: { ...state, recommendations, changes, lastActiveMs } }
  },
}

export async function startStage(options: StageOptions = {}): Promise<Stage> {
  const { logger = silentLogger, random = Math.random, decider = tenEach, concurrency } = options
  const clock = new ManualClock(Date.parse('2026-11-20T10:00:00Z'))
  const store = createMemoryStore()
  const api = await openApi({ store, clock, ids: randomIds, logger })
  const history = new MemoryHistory(clock)
  const queues = new Map<string, Queue>()
  const polled: { lateMs: number }[] = []
  const queue = (name: string) => {
    const known = queues.get(name) ?? new Queue()
    queues.set(name, known)
    return known
  }
  const open: OpenTrigger = async ({ spec }) => {
    const { listName } = spec.metadata as { readonly listName?: string }
    if (listName === undefined)
      throw new NsctlError('Invalid', 'metadata.listName is missing', { value: 'listName' })
    return openQueue(queue(listName), PUSH.has(spec.type), clock)
  }

  function startParts() {
    const stop = new AbortController()
    const manager = createManager({ api, clock, logger, random })
    let caughtUp = false
    void manager.caughtUp.then(() => {
      caughtUp = true
    })
    const times = new ScalingTimes(clock, steadyTimeline(clock))
    const { controller, runnable } = scaledObjectController({
      ...{ api, cache: manager.cache, clock, logger, random, times, decider, open, history },
      isSupported: (type) => type !== 'couchdb',
      caughtUp: () => caughtUp,
      onPolled: (lateMs) => polled.push({ lateMs }),
      ...(concurrency !== undefined && { concurrency }),
    })
    manager.add(controller)
    manager.addRunnable(runnable)
    return { stop, manager, ended: manager.run(stop.signal) }
  }

  let running = startParts()
  await running.manager.caughtUp
  const get = <T>(kind: string, name: string) =>
    api.get({ kind, namespace: 'default', name }) as Promise<T | undefined>
  // what a look leads to takes a few turns of the event loop, and none of the clock
  const settle = async () => {
    for (let turn = 0; turn < 12; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  const stage: Stage = {
    ...{ api, clock, store, history, polled, queue, settle },
    service: (name = 'web') => get<Service>('Service', name),
    scaler: (name = 'web') => get<ScaledObject>('ScaledObject', name),
    replicas: async (name = 'web') => (await stage.service(name))?.spec.replicas,
    async events() {
      await api.flush()
      const { items } = await api.list(api.kinds.byKind('Event'))
      return items.map(
        ({ involvedObject, type, reason, message }) =>
          `${(involvedObject as { readonly kind: string }).kind} ${type} ${reason} ${message}`,
      )
    },
    async put(kind, name, spec, metadata = {}) {
      const object = {
        apiVersion: 'nsctl.dev/v1alpha1',
        kind,
        metadata: { name, namespace: 'default', ...metadata },
        spec,
      } as unknown as AnyResource
      await api.apply([{ object, source: 'test' }], { actor })
    },
    async putBoth(name = 'web', spec = {}) {
      await stage.put('Service', name, { replicas: 1, template: { source: { command: ['/bin/true'] } } })
      await stage.put('ScaledObject', name, {
        scaleTargetRef: { name },
        triggers: [{ type: 'redis', metadata: { listName: name, address: 'here:6379' } }],
        ...spec,
      })
    },
    async until(check) {
      const deadline = performance.now() + 2_000
      for (;;) {
        try {
          return await check()
        } catch (error) {
          if (performance.now() > deadline) throw error
        }
        await new Promise((resolve) => setTimeout(resolve, 2))
        clock.advance(0)
      }
    },
    async pass(ms, stepMs = 500) {
      for (let passed = 0; passed < ms; passed += stepMs) {
        clock.advance(Math.min(stepMs, ms - passed))
        await settle()
      }
    },
    async restart() {
      running.stop.abort()
      await running.ended
      running = startParts()
      await running.manager.caughtUp
    },
    async stop() {
      running.stop.abort()
      await running.ended
      await api.flush()
      await store.close()
    },
  }
  return stage
}

function openQueue(queue: Queue, pushes: boolean, clock: ManualClock): OpenedTrigger {
  queue.opened++
  let failures = 0
  return {
    async poll() {
      queue.looks.push(clock.monotonic())
      queue.underWay++
      queue.mostUnderWay = Math.max(queue.mostUnderWay, queue.underWay)
      await queue.gate
      queue.underWay--
      if (queue.error === undefined) {
        failures = 0
        return readingOf(queue.value, clock.monotonic())
      }
      failures++
      return { reading: undefined, readAtMs: undefined, error: queue.error, failures }
    },
    facts: () => ({ tookMs: 1, code: queue.error === undefined ? undefined : queue.code }),
    ...(pushes && {
      async listen(listener: (input: TriggerInput) => void, signal: AbortSignal) {
        queue.listeners.add(listener)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
        queue.listeners.delete(listener)
      },
    }),
    async close() {
      queue.closed++
    },
  }
}

/** For tests of what a successor reads. */
export async function entriesOf(
  history: MemoryHistory,
  query: Omit<HistoryQuery, 'object'>,
): Promise<readonly HistoryEntry[]> {
  return history.list({ object: 'ScaledObject/default/web', ...query })
}
