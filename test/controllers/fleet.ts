/** Several nodes for tests of controllers: no agents, the test says what the nodes are and obeys for them. */

import type { ResourceApi } from '../../src/api/api.ts'
import { FINALIZERS } from '../../src/api/api.ts'
import { openApi } from '../../src/api/open.ts'
import { jobController } from '../../src/controllers/job/controller.ts'
import { Placer } from '../../src/controllers/placer.ts'
import { Quotas } from '../../src/controllers/quotas.ts'
import { resourceQuotaController } from '../../src/controllers/resourcequota/controller.ts'
import { serviceController } from '../../src/controllers/service/controller.ts'
import { systemClock } from '../../src/core/clock.ts'
import { randomIds } from '../../src/core/ids.ts'
import type { Json, JsonObject } from '../../src/core/json.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { createManager } from '../../src/engine/manager.ts'
import { setConditions } from '../../src/resources/conditions.ts'
import type { Instance, Node, Service, Volume } from '../../src/resources/generated/types.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import { specOf } from './world.ts'

const actor = { name: 'test' }

export interface FleetNode {
  readonly labels?: Readonly<Record<string, string>>
  readonly spec?: JsonObject
  readonly memory?: string
  readonly cpu?: string
  readonly phase?: 'Ready' | 'NotReady'
}

export interface Fleet {
  readonly api: ResourceApi
  /** Adds the node or changes it. */
  node(name: string, node?: FleetNode): Promise<void>
  /** What the control plane says of a node's silence; nothing where left out. Agents of those that are not ready do nothing. */
  judge(name: string, reason?: 'NodeLost' | 'NodeSilent' | 'NodeSettling'): Promise<void>
  apply(name: string, spec: JsonObject, template?: JsonObject): Promise<void>
  service(name?: string): Promise<Service | undefined>
  instances(name?: string): Promise<readonly Instance[]>
  volumes(): Promise<readonly Volume[]>
  events(): Promise<readonly string[]>
  /** Does what agents on ready nodes do (what is there runs, what is to end ends) until `check` throws nothing. */
  until(check: () => Promise<void>): Promise<void>
  /** Likewise, while no agent does anything. */
  quietly(check: () => Promise<void>): Promise<void>
  /** Other controllers take over. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const LIMIT_MS = 8_000

export async function startFleet(): Promise<Fleet> {
  const store = createMemoryStore()
  const api = await openApi({ store, clock: systemClock, ids: randomIds, logger: silentLogger })
  let running = startControllers(api)
  const list = async <T>(kind: string) =>
    (await api.list(api.kinds.byKind(kind))).items as unknown as readonly T[]

  /** What the agents of ready nodes would do. */
  async function tend(): Promise<void> {
    const nodes = await list<Node>('Node')
    const ready = new Set(
      nodes.filter(({ status }) => status?.phase === 'Ready').map((one) => one.metadata.name),
    )
    for (const { metadata, spec, status } of await list<Instance>('Instance')) {
      if (!ready.has(spec.node)) continue
      const { namespace, name, uid } = metadata
      const ref = { kind: 'Instance', namespace, name, uid }
      if (metadata.deletionTimestamp !== undefined) await api.removeFinalizer(ref, FINALIZERS.runtime)
      // what has ended stays so
      else if (status?.ready !== true && status?.phase !== 'Succeeded')
        await api.updateStatus(ref, { phase: 'Running', ready: true, readySince: new Date(0).toISOString() })
    }
  }

  return {
    api,
    async node(name, { labels = {}, spec = {}, cpu = '4', memory = '8Gi', phase = 'Ready' } = {}) {
      const object = {
        apiVersion: 'nsctl.dev/v1alpha1',
        kind: 'Node',
        metadata: { name, labels },
        spec,
      } as AnyResource
      await api.apply([{ object, source: 'test' }], { actor })
      await api.updateStatus({ kind: 'Node', name }, { phase, capacity: { cpu, memory } } as Json)
    },
    async judge(name, reason) {
      const said =
        reason === undefined
          ? ({ type: 'Ready', status: 'True', reason: 'AgentRunning' } as const)
          : ({ type: 'Ready', status: 'Unknown', reason } as const)
      await api.amendStatus({ kind: 'Node', name }, (status) => ({
        ...(status as JsonObject),
        phase: reason === undefined ? 'Ready' : 'NotReady',
        conditions: setConditions(undefined, [said], new Date().toISOString()) as unknown as Json,
      }))
    },
    async apply(name, spec, template = {}) {
      const object = {
        apiVersion: 'nsctl.dev/v1alpha1',
        kind: 'Service',
        metadata: { name },
        spec: specOf(spec, template),
      } as AnyResource
      await api.apply([{ object, source: 'test' }], { actor })
    },
    service: (name = 'web') => api.get<Service>({ kind: 'Service', namespace: 'default', name }),
    async instances(name = 'web') {
      return (await list<Instance>('Instance')).filter(({ spec }) => spec.service === name)
    },
    volumes: () => list<Volume>('Volume'),
    async events() {
      await api.flush()
      return (await list<{ reason: string; message: string }>('Event')).map(
        (one) => `${one.reason}: ${one.message}`,
      )
    },
    until: (check) => eventually(check, tend),
    quietly: (check) => eventually(check, async () => {}),
    async restart() {
      running.stop.abort()
      await running.ended
      running = startControllers(api)
    },
    async stop() {
      running.stop.abort()
      await running.ended
      await store.close()
    },
  }
}

function startControllers(api: ResourceApi): {
  readonly stop: AbortController
  readonly ended: Promise<void>
} {
  const stop = new AbortController()
  const manager = createManager({ api, clock: systemClock, logger: silentLogger })
  const { cache } = manager
  const placer = new Placer({ cache, clock: systemClock })
  const quotas = new Quotas({ cache, clock: systemClock })
  manager.add(serviceController({ cache, api, clock: systemClock, unprobedSettleMs: 10, placer, quotas }))
  manager.add(jobController({ cache, api, clock: systemClock, placer, quotas }))
  manager.add(resourceQuotaController({ cache, api, clock: systemClock, quotas }))
  return { stop, ended: manager.run(stop.signal) }
}

async function eventually(check: () => Promise<void>, tend: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS
  for (;;) {
    await tend()
    try {
      return await check()
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** `n1:2 n2:1` */
export function nodesOf(instances: readonly Instance[]): string {
  const counts = Map.groupBy(instances, ({ spec }) => spec.node)
  return [...counts]
    .map(([node, there]) => `${node}:${there.length}`)
    .sort()
    .join(' ')
}
