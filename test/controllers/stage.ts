/** The control plane's controllers over a memory store, with agents that do what a test says. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { ResourceApi } from '../../src/api/api.ts'
import { openApi } from '../../src/api/open.ts'
import { deliveryController } from '../../src/controllers/delivery/controller.ts'
import { CONTROL_PLANE, OwnIdentity } from '../../src/controllers/delivery/own-identity.ts'
import { garbageController } from '../../src/controllers/garbage/controller.ts'
import { serviceController } from '../../src/controllers/service/controller.ts'
import { systemClock } from '../../src/core/clock.ts'
import { randomIds } from '../../src/core/ids.ts'
import type { Json, JsonObject } from '../../src/core/json.ts'
import { type Logger, silentLogger } from '../../src/core/logger.ts'
import { createManager } from '../../src/engine/manager.ts'
import type {
  Config,
  Delivery,
  Instance,
  Recipient,
  Secret,
  Service,
} from '../../src/resources/generated/types.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { type Identity, newIdentity } from '../../src/secrets/identity.ts'
import { sealValue } from '../../src/secrets/value.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'

const actor = { name: 'test' }
const apiVersion = 'nsctl.dev/v1alpha1'

export interface Stage {
  readonly api: ResourceApi
  /** Where the control plane's identity lies. */
  readonly identityPath: string
  /** Of the node `alpha`. */
  readonly nodeIdentity: Identity
  /** What an agent says of an instance; it runs with what it was told of unless a test says otherwise. */
  behave(says: (instance: Instance) => JsonObject): void
  node(name: string, keys: { readonly pinned?: string; readonly reported?: string }): Promise<void>
  config(data: Readonly<Record<string, string>>, name?: string): Promise<void>
  /** Seals for the control plane; a value keeps its version where `versions` names it. */
  secret(
    values: Readonly<Record<string, string>>,
    over?: { readonly name?: string; readonly versions?: Readonly<Record<string, string>> },
  ): Promise<void>
  service(template: JsonObject, over?: JsonObject, name?: string): Promise<void>
  get<T>(kind: string, name: string): Promise<T | undefined>
  services(name?: string): Promise<Service>
  instances(): Promise<readonly Instance[]>
  deliveries(): Promise<readonly Delivery[]>
  events(): Promise<readonly string[]>
  until<T>(check: () => Promise<T> | T, limitMs?: number): Promise<T>
  /** Ends the controllers and starts new ones, after `between`. */
  restart(between?: () => Promise<void>): Promise<void>
  stop(): Promise<void>
}

export async function startStage(logger: Logger = silentLogger): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'nsctl-stage-'))
  const identityPath = join(folder, 'identity')
  const clock = systemClock
  const store = createMemoryStore()
  const api = await openApi({ store, clock, ids: randomIds, logger })
  const nodeIdentity = await newIdentity()
  let says = running
  let controllers = start()
  let stopped = false

  function start() {
    const stop = new AbortController()
    const manager = createManager({ api, clock, logger })
    const { cache } = manager
    const own = new OwnIdentity({ api, cache, clock, logger, path: identityPath, host: 'test' })
    manager.add(serviceController({ cache, api, clock, unprobedSettleMs: 20 }))
    manager.add(deliveryController({ cache, api, clock, own, identityRecheckMs: 100 }))
    manager.add(garbageController({ cache, api }))
    manager.addRunnable(own.runnable())
    return { stop, ended: manager.run(stop.signal) }
  }

  const list = async <T>(kind: string) =>
    (await api.list(api.kinds.byKind(kind))).items as unknown as readonly T[]
  const apply = async (kind: string, name: string, spec: unknown) => {
    const object = { apiVersion, kind, metadata: { name }, spec } as unknown as AnyResource
    await api.apply([{ object, source: 'test' }], { actor })
  }

  /** All agents at once: says of each instance what the test wants said. */
  const agents = (async () => {
    while (!stopped) {
      for (const one of await list<Instance>('Instance')) {
        const { name, namespace, uid, deletionTimestamp } = one.metadata
        const status = deletionTimestamp === undefined ? says(one) : { phase: 'Stopped' }
        await api.updateStatus({ kind: 'Instance', name, namespace, uid }, status as Json)
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })()

  const stage: Stage = {
    api,
    identityPath,
    nodeIdentity,
    behave(other) {
      says = other
    },
    async node(name, { pinned, reported }) {
      await api.ensure({
        apiVersion,
        kind: 'Node',
        metadata: { name },
        spec: pinned === undefined ? {} : { recipient: pinned },
      } as AnyResource)
      const status = { phase: 'Ready', ...(reported === undefined ? {} : { recipient: reported }) }
      await api.updateStatus({ kind: 'Node', name }, status)
    },
    config: (data, name = 'settings') => apply('Config', name, { data }),
    async secret(values, { name = 'db', versions = {} } = {}) {
      const recipient = await stage.until(async () => {
        const found = await api.get<Recipient>(CONTROL_PLANE)
        assert.ok(found)
        return found.spec.key
      })
      const sealed = await Promise.all(
        Object.entries(values).map(async ([key, value]) => {
          const place = { namespace: 'default', name, key }
          return [key, await sealValue(Buffer.from(value), place, [recipient], versions[key])] as const
        }),
      )
      await apply('Secret', name, { sealed: Object.fromEntries(sealed), recipients: [recipient] })
    },
    service: (template, over = {}, name = 'web') =>
      apply('Service', name, {
        template: { source: { command: ['/usr/bin/env', 'true'], workingDir: '/' }, ...template },
        ...over,
      }),
    get: async <T>(kind: string, name: string) =>
      (await api.get({ kind, namespace: 'default', name })) as T | undefined,
    async services(name = 'web') {
      const service = await stage.get<Service>('Service', name)
      assert.ok(service)
      return service
    },
    instances: () => list<Instance>('Instance'),
    deliveries: () => list<Delivery>('Delivery'),
    async events() {
      await api.flush()
      return (await list<{ reason: string; message: string }>('Event')).map(
        ({ reason, message }) => `${reason}: ${message}`,
      )
    },
    async until(check, limitMs = 5_000) {
      const deadline = performance.now() + limitMs
      for (;;) {
        try {
          return await check()
        } catch (error) {
          if (performance.now() > deadline) throw error
        }
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    async restart(between) {
      controllers.stop.abort()
      await controllers.ended
      await between?.()
      controllers = start()
    },
    async stop() {
      stopped = true
      controllers.stop.abort()
      await Promise.all([controllers.ended, agents])
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
  await stage.node('alpha', { pinned: nodeIdentity.recipient, reported: nodeIdentity.recipient })
  return stage
}

/** What an agent says of an instance that runs and is ready. */
export function running({ spec, status }: Instance): JsonObject {
  return {
    phase: 'Running',
    ready: true,
    readySince: status?.readySince ?? new Date().toISOString(),
    materials: (spec.materials ?? []) as unknown as Json,
  }
}

/** All instances have the wanted template, and all of what they take is where it should be. */
export async function settle(stage: Stage, name = 'web'): Promise<Service> {
  return await stage.until(async () => {
    const service = await stage.services(name)
    const progressing = service.status?.conditions?.find(({ type }) => type === 'Progressing')
    assert.is(`${progressing?.status} ${progressing?.reason}`, 'False Complete', progressing?.message)
    assert.is(service.status?.observedGeneration, service.metadata.generation)
    return service
  })
}

export async function secretOf(stage: Stage, name = 'db'): Promise<Secret> {
  const secret = await stage.get<Secret>('Secret', name)
  assert.ok(secret)
  return secret
}

export async function configOf(stage: Stage, name = 'settings'): Promise<Config> {
  const config = await stage.get<Config>('Config', name)
  assert.ok(config)
  return config
}
