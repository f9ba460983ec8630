/** An agent alone, without controllers: the test writes its Instances and Deliveries. */
import * as assert from 'uvu/assert'
import { createAgent } from '../../../src/agent/agent.ts'
import type { MaterialKeep } from '../../../src/agent/material/keep.ts'
import { FINALIZERS, type ResourceApi } from '../../../src/api/api.ts'
import { openApi } from '../../../src/api/open.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { randomIds } from '../../../src/core/ids.ts'
import type { JsonObject } from '../../../src/core/json.ts'
import type { Delivery, Instance } from '../../../src/resources/generated/types.ts'
import { deliveryName, type Material } from '../../../src/resources/materials.ts'
import { type AnyResource, API_VERSION } from '../../../src/resources/object.ts'
import { createMemoryStore } from '../../../src/store/memory/store.ts'
import { RecordingLogger } from '../../engine/harness.ts'
import { FakeRuntime } from '../../runtimes/fake-runtime.ts'
import { FakeSeal } from './fake-seal.ts'

export const NODE = 'local'
const namespace = 'default'
const REF = { kind: 'Instance', namespace, name: 'web-0-aaaaa' }

export interface LoneAgent {
  readonly api: ResourceApi
  readonly runtime: FakeRuntime
  readonly seal: FakeSeal
  readonly logger: RecordingLogger
  instance(): Promise<Instance | undefined>
  delivery(material: Material): Promise<Delivery | undefined>
  /** Makes the instance `web-0`. */
  run(template: JsonObject, materials: readonly Material[]): Promise<void>
  /** Has the instance that is there name other versions. */
  name(materials: readonly Material[]): Promise<void>
  remove(): Promise<void>
  deliver(material: Material, values: Readonly<Record<string, string>>, to?: string): Promise<void>
  withdraw(material: Material): Promise<void>
  events(): Promise<readonly string[]>
  until<T>(check: () => Promise<T> | T): Promise<T>
  /** Ends the agent and starts another, and waits until that one has looked at everything. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** @param keep made anew for each agent */
export async function startAgent(keep?: () => MaterialKeep): Promise<LoneAgent> {
  const clock = systemClock
  const logger = new RecordingLogger()
  const store = createMemoryStore()
  const api = await openApi({ store, clock, ids: randomIds, logger })
  const runtime = new FakeRuntime(clock)
  const seal = new FakeSeal()
  let running = start()

  function start() {
    const stop = new AbortController()
    const baseEnvironment = { PATH: '/usr/bin:/bin' }
    const agent = createAgent({
      ...{ node: NODE, api, runtime, clock, logger, version: '0', baseEnvironment, seal },
      ...(keep && { keep: keep() }),
    })
    return { stop, ended: agent.run(stop.signal), caughtUp: agent.caughtUp }
  }

  const refOf = (material: Material) => ({ kind: 'Delivery', namespace, name: deliveryName(material, NODE) })

  return {
    api,
    runtime,
    seal,
    logger,
    instance: () => api.get<Instance>(REF),
    delivery: (material) => api.get<Delivery>(refOf(material)),
    async run(template, materials) {
      const spec = {
        service: 'web',
        ordinal: 0,
        node: NODE,
        templateHash: 'h3kq9x2mzc',
        attempt: 0,
        materials,
        template: {
          source: { command: ['/usr/bin/env', 'true'], workingDir: '/' },
          stop: { signal: 'SIGTERM', gracePeriod: '10s' },
          network: 'host',
          ...template,
        },
      }
      const metadata = { name: REF.name, namespace, finalizers: [FINALIZERS.runtime] }
      const object = { apiVersion: API_VERSION, kind: 'Instance', metadata, spec }
      await api.createOwned([object as unknown as AnyResource])
    },
    name: (materials) => api.updateOwned(REF, (spec) => ({ ...spec, materials }) as unknown as JsonObject),
    remove: () => api.requestDelete(REF),
    async deliver(material, values, to) {
      const { kind, name, version } = material
      const place = { namespace, name, version, node: NODE }
      const content = kind === 'Config' ? { values } : { sealed: FakeSeal.delivery(values, place, to) }
      const spec = { node: NODE, source: { kind, name }, version, ...content }
      if ((await api.get(refOf(material))) !== undefined) {
        await api.updateOwned(refOf(material), () => spec)
        return
      }
      const metadata = { name: deliveryName(material, NODE), namespace }
      const object = { apiVersion: API_VERSION, kind: 'Delivery', metadata, spec }
      await api.createOwned([object as unknown as AnyResource])
    },
    withdraw: (material) => api.requestDelete(refOf(material)),
    async events() {
      await api.flush()
      const { items } = await api.list(api.kinds.byKind('Event'))
      return (items as unknown as readonly { reason: string; message: string }[]).map(
        (one) => `${one.reason}: ${one.message}`,
      )
    },
    async until(check) {
      const deadline = performance.now() + 8_000
      for (;;) {
        try {
          return await check()
        } catch (error) {
          if (performance.now() > deadline) throw error
        }
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    async restart() {
      running.stop.abort()
      await running.ended
      running = start()
      await running.caughtUp
    },
    async stop() {
      running.stop.abort()
      await running.ended
      await store.close()
    },
  }
}

/** What the instance's condition says of what it is given: `True Placed`. */
export function placedText(instance: Instance | undefined): string {
  const said = instance?.status?.conditions?.find((one) => one.type === 'MaterialsPlaced')
  return said === undefined ? '' : `${said.status} ${said.reason}`
}

export function assertPhase(instance: Instance | undefined, phase: string): Instance {
  assert.is(instance?.status?.phase, phase)
  return instance as Instance
}
