/** A whole nsctl in one process for tests: memory store, api, controllers and agent, with a runtime that obeys the test. */
import * as assert from 'uvu/assert'
import { createAgent } from '../../src/agent/agent.ts'
import type { ResourceApi } from '../../src/api/api.ts'
import { openApi } from '../../src/api/open.ts'
import { garbageController } from '../../src/controllers/garbage/controller.ts'
import { jobController } from '../../src/controllers/job/controller.ts'
import { namespaceController } from '../../src/controllers/namespace/controller.ts'
import { serviceController } from '../../src/controllers/service/controller.ts'
import type { Measure } from '../../src/controllers/service/rollout/analyst.ts'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import { randomIds } from '../../src/core/ids.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { type Logger, silentLogger } from '../../src/core/logger.ts'
import { createManager, type Manager } from '../../src/engine/manager.ts'
import type { Instance, Service, Volume } from '../../src/resources/generated/types.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { Catalog } from '../../src/traffic/catalog.ts'
import { FakeSeal } from '../agent/material/fake-seal.ts'
import { FakeRuntime } from '../runtimes/fake-runtime.ts'

const NODE = '/usr/bin/env'
const actor = { name: 'test' }

export interface World {
  readonly api: ResourceApi
  readonly runtime: FakeRuntime
  /** The node's key. */
  readonly seal: FakeSeal
  apply(spec: JsonObject, name?: string): Promise<void>
  service(name?: string): Promise<Service | undefined>
  instances(): Promise<readonly Instance[]>
  volumes(): Promise<readonly Volume[]>
  events(): Promise<readonly string[]>
  /** Waits until `check` throws nothing; fails with what it threw last. */
  until<T>(check: () => Promise<T> | T, limitMs?: number): Promise<T>
  /** Ends agent and controllers and starts new ones over the same store and runtime. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export async function startWorld(
  clock: Clock = systemClock,
  logger: Logger = silentLogger,
  catalog?: Catalog,
  more: (manager: Manager, api: ResourceApi) => void = () => {},
  measure?: Measure,
): Promise<World> {
  const store = createMemoryStore()
  const api = await openApi({ store, clock, ids: randomIds, logger })
  const runtime = new FakeRuntime(clock)
  const seal = new FakeSeal()
  let running = startParts()

  function startParts() {
    const stop = new AbortController()
    const manager = createManager({ api, clock, logger })
    const { cache } = manager
    manager.add(serviceController({ cache, api, clock, unprobedSettleMs: 100, ...(measure && { measure }) }))
    manager.add(jobController({ cache, api, clock }))
    manager.add(garbageController({ cache, api }))
    more(manager, api)
    manager.add(namespaceController({ cache, api }))
    const baseEnvironment = { PATH: '/usr/bin:/bin' }
    const agent = createAgent({
      node: 'local',
      api,
      runtime,
      clock,
      logger,
      version: '0',
      baseEnvironment,
      seal,
      ...(catalog && { catalog }),
    })
    return { stop, ended: Promise.all([manager.run(stop.signal), agent.run(stop.signal)]) }
  }

  const list = async <T>(kind: string) =>
    (await api.list(api.kinds.byKind(kind))).items as unknown as readonly T[]

  return {
    api,
    runtime,
    seal,
    async apply(spec, name = 'web') {
      const object = {
        apiVersion: 'nsctl.dev/v1alpha1',
        kind: 'Service',
        metadata: { name },
        spec,
      } as AnyResource
      await api.apply([{ object, source: 'test' }], { actor })
    },
    service: (name = 'web') => api.get<Service>({ kind: 'Service', namespace: 'default', name }),
    instances: () => list<Instance>('Instance'),
    volumes: () => list<Volume>('Volume'),
    async events() {
      await api.flush()
      return (await list<{ reason: string; message: string }>('Event')).map(
        (one) => `${one.reason}: ${one.message}`,
      )
    },
    async until(check, limitMs = 8_000) {
      const deadline = performance.now() + limitMs
      for (;;) {
        try {
          return await check()
        } catch (error) {
          if (performance.now() > deadline) throw error
        }
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
    async restart() {
      running.stop.abort()
      await running.ended
      running = startParts()
    },
    async stop() {
      running.stop.abort()
      await running.ended
      await store.close()
    },
  }
}

/** The system's clock, with a wall that a test can move. */
export function jumpingClock(): Clock & { jump(byMs: number): void } {
  let offsetMs = 0
  return {
    ...systemClock,
    now: () => systemClock.now() + offsetMs,
    jump(byMs) {
      offsetMs += byMs
    },
  }
}

/** A spec that runs anywhere: the fake runtime only looks that the program is there. */
export function specOf(over: JsonObject = {}, template: JsonObject = {}): JsonObject {
  return { template: { source: { command: [NODE, 'true'], workingDir: '/' }, ...template }, ...over }
}

/** The condition's status, `Ready=True`, as one text. */
export function conditionsOf(service: Service | undefined): Readonly<Record<string, string>> {
  const entries = (service?.status?.conditions ?? []).map((one) => [one.type, `${one.status} ${one.reason}`])
  return Object.fromEntries(entries)
}

export function assertReady(service: Service | undefined, ready: string): void {
  assert.is(service?.status?.ready, ready)
  assert.is(service?.status?.observedGeneration, service?.metadata.generation)
}
