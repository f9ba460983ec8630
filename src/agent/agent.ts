/** What runs on each node: makes the runtime do what the store wants of this node, and tells the store what is. */
import type { ResourceApi } from '../api/api.ts'
import { type Clock, delay } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { ObjectCache } from '../engine/cache.ts'
import { createManager, type Manager } from '../engine/manager.ts'
import type { EngineMetrics } from '../engine/metrics.ts'
import type { Instance } from '../resources/generated/types.ts'
import type { ObjectRef } from '../resources/object.ts'
import type {
  Runtime,
  RuntimeFence,
  RuntimeMaterials,
  RuntimeReader,
  RuntimeStorage,
} from '../runtimes/runtime.ts'
import type { Exposition } from '../telemetry/families.ts'
import { instanceExposition } from '../telemetry/instances.ts'
import { machineExposition } from '../telemetry/machine/exposition.ts'
import { metricsServer } from '../telemetry/metrics-server.ts'
import { processExposition } from '../telemetry/process.ts'
import { Scrapes } from '../telemetry/scrapes.ts'
import type { Catalog } from '../traffic/catalog.ts'
import { Announcer, PASS } from './catalog/announcer.ts'
import { addEdge, type OpenBalancer } from './edge/edge.ts'
import type { HeldNode } from './heartbeat.ts'
import { createInstanceAgent, type InstanceAgent } from './instance/controller.ts'
import type { BaseEnvironment } from './instance/specs.ts'
import { type ListenOptions, listenOn } from './listening/listening.ts'
import type { Reserve } from './machine.ts'
import { deliveryController } from './material/controller.ts'
import { Deliveries } from './material/deliveries.ts'
import type { MaterialKeep } from './material/keep.ts'
import { Materials } from './material/materials.ts'
import type { NodeSeal } from './material/seal.ts'
import { InstanceMeter } from './meter.ts'
import { LOOPBACK, nodeRegistration } from './node.ts'
import { Pressure } from './pressure.ts'
import { localSurroundings, type Surroundings } from './surroundings.ts'
import { endUnique } from './unique/end.ts'
import type { Permits } from './unique/permits.ts'
import { usageSampler } from './usage.ts'
import { volumeController } from './volumes.ts'

export interface AgentOptions {
  readonly node: string
  readonly api: ResourceApi
  readonly runtime: Runtime & RuntimeStorage & RuntimeMaterials & RuntimeReader & Partial<RuntimeFence>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics?: EngineMetrics
  readonly version: string
  readonly baseEnvironment: BaseEnvironment
  /** The node's key. */
  readonly seal: NodeSeal
  /** Where what programs are given is kept for the next boot; nowhere, if left out. */
  readonly keep?: MaterialKeep
  /** Where ready instances are registered; nowhere, if left out. The caller's to close. */
  readonly catalog?: Catalog
  /** The load balancer of this machine; none where left out. */
  readonly balancer?: OpenBalancer
  /** By which the node is heard of; left out in tests of what does not depend on it. */
  readonly heartbeat?: HeldNode
  /** By which unique instances are started; none are where left out. */
  readonly permits?: Permits
  /** Where its instances are reached, by preference; loopback where left out. */
  readonly addresses?: readonly string[]
  /** What is kept for the system; a part of the memory where left out. */
  readonly reserve?: Reserve
  /** The machine that its programs run on; this one where left out. */
  readonly surroundings?: Surroundings
  /** Lies on the disk that must not fill up; not measured where left out. */
  readonly stateDir?: string
  /** Where metrics are served, those of the node and its instances among them; nowhere, if left out. */
  readonly serveMetrics?: ServeMetrics
  /** What is shown of this process beside the node and its instances. */
  readonly expositions?: readonly Exposition[]
  /** Where callers on other machines are answered; nowhere, if left out. */
  readonly listen?: ListenOptions
}

export interface ServeMetrics {
  /** 0 takes any that is free; the Node's status says which. */
  readonly port: number
}

const ORPHAN_SWEEP_MS = 15_000

/** A manager that runs the agent; it is the caller's to run. */
export function createAgent(options: AgentOptions): Manager {
  const { api, runtime, clock, node, metrics, seal, surroundings = localSurroundings() } = options
  const logger = options.logger.with({ part: 'agent' })
  const manager = createManager({ api, clock, logger, scope: { node }, ...(metrics && { metrics }) })
  const { cache } = manager
  const announcer = announcerOf(options, manager, logger)
  const deliveries = new Deliveries({ node, cache, seal, clock })
  const materials = new Materials({ ...options, deliveries, logger })
  const instances = createInstanceAgent({
    ...options,
    surroundings,
    logger,
    cache,
    materials,
    ...(announcer && { announcer }),
  })
  fenceIn(options, cache, instances)
  const handle = manager.add(instances.spec)
  manager.add(deliveryController({ node, cache, api, deliveries }))
  manager.add(volumeController({ node, cache, api, runtime, logger }))
  manager.addRunnable({
    name: 'runtime changes',
    run: async (signal) => {
      instances.listen((ref) => handle.enqueue(ref), signal)
      await sweepOrphans(instances, options, signal)
    },
  })
  const enqueue = (ref: Parameters<typeof handle.enqueue>[0]) => handle.enqueue(ref)
  if (announcer !== undefined) announce(announcer, manager, enqueue)
  manager.addRunnable(usageSampler({ runtime, agent: instances, clock, logger, enqueue }))
  const scrapes = scrapesOf({ ...options, surroundings }, manager, instances)
  const metricsUrl = serveMetrics(options, manager, scrapes)
  const listening =
    options.listen &&
    listenOn(manager, options.listen, {
      ...{ node, api, runtime, clock, logger, scrapes, dial: surroundings.dial },
      addresses: options.addresses ?? [],
    })
  const balancer = options.balancer && addEdge(manager, options.balancer, { node, api, clock, logger })
  manager.addRunnable(
    nodeRegistration({
      name: node,
      api,
      runtime: runtime.info,
      version: options.version,
      clock,
      logger,
      seal,
      metricsUrl,
      ...(balancer !== undefined && { balancer }),
      ...(listening && { listening }),
      ...(options.heartbeat && { heartbeat: options.heartbeat }),
      ...(options.addresses && { addresses: options.addresses }),
      ...(options.reserve && { reserve: options.reserve }),
      facts: () => surroundings.facts(),
      pressure: new Pressure(clock, () => surroundings.pressure(options.stateDir ?? '/')),
      countInstances: () => cache.list<Instance>('Instance').filter((one) => one.spec.node === node).length,
    }),
  )
  return options.heartbeat?.guard(manager) ?? manager
}

/** Has unique programs end with the node's lease. */
function fenceIn({ permits, runtime }: AgentOptions, cache: ObjectCache, instances: InstanceAgent): void {
  const { observe, stop, fenced } = runtime
  if (permits?.fence === undefined || fenced === undefined) return
  const ending = { observe: observe.bind(runtime), stop: stop.bind(runtime), fenced: fenced.bind(runtime) }
  permits.fence.onFall = (graceMs) =>
    endUnique({ runtime: ending, cache, places: instances.places() }, graceMs)
}

/** What there is to see of the node, for whoever asks and however. */
function scrapesOf(
  options: AgentOptions & { readonly surroundings: Surroundings },
  manager: Manager,
  agent: InstanceAgent,
): Scrapes {
  const { node, runtime, logger, version, surroundings, expositions = [] } = options
  const meter = new InstanceMeter({ node, runtime, agent, cache: manager.cache })
  const own = [
    machineExposition(node, () => surroundings.figures()),
    instanceExposition(node, () => meter.read()),
    // a process that looks after others is none of theirs
    ...(surroundings.isHere ? [processExposition(version)] : []),
  ]
  return new Scrapes([...own, ...expositions], logger)
}

/** Resolves to where they are, once that is known; to nothing where there are none. */
function serveMetrics(
  { serveMetrics, logger }: AgentOptions,
  manager: Manager,
  scrapes: Scrapes,
): Promise<string | undefined> {
  if (serveMetrics === undefined) return Promise.resolve(undefined)
  const { promise, resolve } = Promise.withResolvers<string>()
  manager.addRunnable(
    metricsServer({
      port: serveMetrics.port,
      logger,
      expositions: scrapes,
      onListening: (port) => resolve(`http://127.0.0.1:${port}/metrics`),
    }),
  )
  return promise
}

function announcerOf(options: AgentOptions, manager: Manager, logger: Logger): Announcer | undefined {
  const { node, catalog, clock } = options
  if (catalog === undefined) return undefined
  // a program that listens on IPv6 only is reached there
  const addresses = options.addresses ?? [...LOOPBACK, '::1']
  return new Announcer({ node, cache: manager.cache, catalog, addresses, clock, logger })
}

function announce(announcer: Announcer, manager: Manager, enqueueInstance: (ref: ObjectRef) => void): void {
  const passes = manager.add(announcer.spec)
  const { caughtUp } = manager
  const enqueuePass = () => passes.enqueue(PASS)
  manager.addRunnable({
    name: 'catalog',
    run: (signal) => announcer.run({ caughtUp, enqueuePass, enqueueInstance }, signal),
  })
}

/** Started once the cache is in sync: what the store does not know by then is nobody's. */
async function sweepOrphans(
  instances: InstanceAgent,
  options: AgentOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const ended = await instances.endOrphans()
      if (ended > 0) options.logger.log('warn', 'ended programs that no instance wants', { programs: ended })
    } catch (error) {
      options.logger.log('warn', `cannot end programs that no instance wants: ${messageOf(error)}`)
    }
    try {
      await instances.reviewKept()
    } catch (error) {
      options.logger.log('warn', `cannot keep what programs are given: ${messageOf(error)}`)
    }
    await delay(options.clock, ORPHAN_SWEEP_MS, signal).catch(() => undefined)
  }
}
