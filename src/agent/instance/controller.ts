/** The agent's Instance controller: what the store wants of this node's instances, the runtime does. */
import type { ResourceController } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import { deepEqual, type Json } from '../../core/json.ts'
import type { Logger } from '../../core/logger.ts'
import { parseDurationMs } from '../../core/quantity.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import { type ControllerSpec, ownKey, refKey } from '../../engine/controller.ts'
import { type Outcome, recheck, settled } from '../../engine/reconciler.ts'
import type { Instance } from '../../resources/generated/types.ts'
import type { AnyResource, ObjectRef } from '../../resources/object.ts'
import { programsOf } from '../../resources/template.ts'
import {
  type ObservedProgram,
  type ProgramId,
  programKey,
  type Runtime,
  type RuntimeReader,
} from '../../runtimes/runtime.ts'
import { PortAllocator } from '../ports.ts'
import {
  announceEnd,
  announceObstacle,
  announceReady,
  announceStart,
  type InstanceEvent,
} from './announce.ts'
import { type InstancePlan, type ProgramAction, planInstance } from './plan.ts'
import { startProbes, stopProbes } from './probing.ts'
import { type InstanceRecord, makeRecord, note, type Obstacle, type ProgramRecord } from './record.ts'
import { type BaseEnvironment, prepare, programIds, wantedPorts } from './specs.ts'
import { instanceStatus } from './status.ts'

export interface InstanceControllerOptions {
  readonly node: string
  readonly cache: ObjectCache
  readonly api: Pick<ResourceController, 'updateStatus' | 'recordEvent'>
  readonly runtime: Runtime & Pick<RuntimeReader, 'exec'>
  readonly clock: Clock
  readonly logger: Logger
  readonly baseEnvironment: BaseEnvironment
  readonly ports?: PortAllocator
}

/** How soon something that stands in the way (a missing program, a taken port) is looked at again. */
const OBSTACLE_RECHECK_MS = 2_000
const STARTS_AT_A_TIME = 256
const NOTHING: ReadonlyMap<string, ObservedProgram> = new Map()

/** What the agent's other parts may ask of the Instance controller. */
export interface InstanceAgent {
  readonly spec: ControllerSpec
  /** Has the runtime's changes wake `enqueue`; until `signal` aborts. Call once the cache is in sync. */
  listen(enqueue: (ref: ObjectRef) => void, signal: AbortSignal): void
  /** The records of what runs, by the program's key. For sampling usage. */
  records(): ReadonlyMap<
    string,
    { readonly ref: ObjectRef; readonly record: InstanceRecord; readonly program: ProgramRecord }
  >
  /** Ends what runs for no instance that the store knows. Returns how many programs that were. */
  endOrphans(): Promise<number>
}

export function createInstanceAgent(options: InstanceControllerOptions): InstanceAgent {
  const reconciler = new InstanceReconciler(options)
  return {
    spec: {
      name: 'instance',
      watches: [{ kind: 'Instance', toKeys: (object) => reconciler.keysFor(object) }],
      reconciler,
      concurrency: STARTS_AT_A_TIME,
    },
    listen: (enqueue, signal) => reconciler.listen(enqueue, signal),
    records: () => reconciler.byProgram,
    endOrphans: () => reconciler.endOrphans(),
  }
}

class InstanceReconciler {
  readonly #options: InstanceControllerOptions
  readonly #ports: PortAllocator
  readonly #records = new Map<string, InstanceRecord>()
  readonly byProgram = new Map<string, { ref: ObjectRef; record: InstanceRecord; program: ProgramRecord }>()
  #enqueue: (ref: ObjectRef) => void = () => {}

  constructor(options: InstanceControllerOptions) {
    this.#options = options
    this.#ports = options.ports ?? new PortAllocator()
  }

  /** An instance, and when it ends those that wait to take its place. */
  keysFor(object: AnyResource): readonly ObjectRef[] {
    const instance = object as unknown as Instance
    if (instance.spec.node !== this.#options.node) return []
    const own = ownKey(object)
    if (object.metadata.deletionTimestamp === undefined) return own
    const siblings = this.#siblings(instance).flatMap((one) => ownKey(one as unknown as AnyResource))
    return [...own, ...siblings]
  }

  listen(enqueue: (ref: ObjectRef) => void, signal: AbortSignal): void {
    this.#enqueue = enqueue
    const unsubscribe = this.#options.runtime.onChange((key) => {
      const known = this.byProgram.get(key)
      if (known !== undefined) enqueue(known.ref)
    })
    signal.addEventListener('abort', () => this.#close(unsubscribe), { once: true })
  }

  #close(unsubscribe: () => void): void {
    unsubscribe()
    for (const record of this.#records.values()) stopProbes(record)
  }

  async endOrphans(): Promise<number> {
    const { runtime, cache, node } = this.#options
    const wanted = new Set<string>()
    for (const one of cache.list<Instance>('Instance')) {
      if (one.spec.node === node) for (const id of programIds(one)) wanted.add(programKey(id))
    }
    const orphans = [...runtime.observe().values()].filter((seen) => !wanted.has(programKey(seen.id)))
    await Promise.all(
      orphans.map((seen) => (seen.state === 'exited' ? runtime.forget(seen.id) : this.#endProgram(seen.id))),
    )
    return orphans.filter((seen) => seen.state !== 'exited').length
  }

  async reconcile(ref: ObjectRef, signal: AbortSignal): Promise<Outcome> {
    const instance = this.#options.cache.get<Instance>(ref)
    if (instance === undefined) return await this.#forget(ref)
    if (instance.spec.node !== this.#options.node) return settled
    const record = this.#recordOf(ref, instance)
    this.#claim(ref, instance, record)
    const ids = programIds(instance)
    await this.#noteWhatHappened(instance, record)
    const deleting = instance.metadata.deletionTimestamp !== undefined
    const plan = this.#plan(record, deleting)
    if (deleting) await this.#end(record, ids, instance, plan)
    else await this.#run(instance, record, ids, plan, signal)
    this.#probe(ref, instance, record, deleting)
    const after = deleting ? plan : this.#plan(record, deleting)
    await this.#writeStatus(ref, instance, record, after)
    if (record.obstacle !== undefined) return recheck(OBSTACLE_RECHECK_MS, record.obstacle.message)
    if (after.waitMs !== undefined) return recheck(Math.max(1, after.waitMs), 'backoff after a failure')
    return settled
  }

  #recordOf(ref: ObjectRef, instance: Instance): InstanceRecord {
    const key = refKey(ref)
    const known = this.#records.get(key)
    if (known !== undefined && known.uid === instance.metadata.uid) return known
    if (known !== undefined) this.#drop(key, known)
    const programs = programIds(instance).map((id) => ({ name: id.program, key: programKey(id) }))
    const record = makeRecord(instance, programs, this.#options.runtime.observe())
    this.#records.set(key, record)
    this.#ports.adopt(record.uid, record.ports)
    return record
  }

  /** What runs of this instance. One that still waits for its place has nothing, whatever runs there now. */
  #observed(record: InstanceRecord): ReadonlyMap<string, ObservedProgram> {
    const isMine = record.programs.every((program) => this.byProgram.get(program.key)?.record === record)
    return isMine ? this.#options.runtime.observe() : NOTHING
  }

  #plan(record: InstanceRecord, deleting: boolean): InstancePlan {
    const observed = this.#observed(record)
    const views = record.programs.map((program) => ({
      name: program.name,
      state: observed.get(program.key)?.state,
      notBeforeMs: program.backoff.notBeforeMs,
      unhealthy: program.liveness?.healthy === false && program.endingFor === undefined,
    }))
    return planInstance(deleting, views, this.#options.clock.monotonic())
  }

  /** Restarts that the runtime made, and ends: counted, and told as events. */
  async #noteWhatHappened(instance: Instance, record: InstanceRecord): Promise<void> {
    const { clock } = this.#options
    const observed = this.#observed(record)
    for (const program of record.programs) {
      const noted = note(program, observed.get(program.key), clock.monotonic())
      // what ends because it was asked to is no news
      if (instance.metadata.deletionTimestamp !== undefined) continue
      if (noted.restarted > 0 || noted.ended !== undefined)
        await this.#tell(instance, announceEnd(program, noted))
    }
  }

  async #run(
    instance: Instance,
    record: InstanceRecord,
    ids: readonly ProgramId[],
    plan: InstancePlan,
    signal: AbortSignal,
  ): Promise<void> {
    const starts = plan.actions.filter((action) => action.kind === 'start')
    await this.#restartUnhealthy(record, ids, instance, plan.actions)
    if (starts.length === 0) {
      if (plan.waitMs === undefined) await this.#setObstacle(instance, record, undefined)
      return
    }
    const obstacle = await this.#obstacle(instance, record)
    await this.#setObstacle(instance, record, obstacle)
    if (obstacle !== undefined) return
    const prepared = await prepare(instance, record.ports, this.#options.baseEnvironment)
    if (prepared.kind === 'obstacle') return await this.#setObstacle(instance, record, prepared.obstacle)
    if (!deepEqual(record.ports, record.written?.ports ?? [])) {
      // the numbers must be known before a program has them: an agent that dies here is followed by one that reads them
      await this.#writeStatus(refOf(instance), instance, record, plan)
    }
    for (const { name } of starts) {
      const program = record.programs.find((one) => one.name === name)
      const spec = prepared.specs.find((one) => one.id.program === name)
      if (program === undefined || spec === undefined) continue
      // only what was accepted counts: a manager that is away is no crash loop of the program
      await this.#options.runtime.start(spec, signal)
      program.startedAtMs = this.#options.clock.monotonic()
      const isFirst = !program.hasRun
      program.hasRun = true
      if (isFirst) await this.#tell(instance, announceStart(program))
      else program.restarts++
    }
  }

  /** Of instances that share a unit's name the one that came first has it, until it is gone from the store. */
  #claim(ref: ObjectRef, instance: Instance, record: InstanceRecord): void {
    if (this.#predecessor(instance) !== undefined) return
    for (const program of record.programs) {
      if (this.byProgram.get(program.key)?.record !== record)
        this.byProgram.set(program.key, { ref, record, program })
    }
  }

  #predecessor(instance: Instance): Instance | undefined {
    return this.#siblings(instance).find((one) => one.spec.attempt < instance.spec.attempt)
  }

  /** What keeps the instance from starting just now. Gives it its ports on the way. */
  async #obstacle(instance: Instance, record: InstanceRecord): Promise<Obstacle | undefined> {
    const earlier = this.#predecessor(instance)
    if (earlier !== undefined) {
      const message = `waits for ${earlier.metadata.name} to end`
      return { phase: 'Pending', reason: 'WaitingForPredecessor', message }
    }
    const wanted = wantedPorts(instance)
    if (wanted.length === 0) return undefined
    if (record.ports.length !== wanted.length) record.ports = await this.#ports.allocate(record.uid, wanted)
    const observed = this.#observed(record)
    const anyRuns = record.programs.some((one) => isUp(observed.get(one.key)?.state))
    if (anyRuns) return undefined
    const taken = await this.#ports.firstTaken(wanted, record.ports)
    if (taken === undefined) return undefined
    if (wanted.find((one) => one.name === taken.name)?.port !== undefined) {
      const message = `port ${taken.port} (${taken.name}) is in use by another program on ${this.#options.node}`
      return { phase: 'Backoff', reason: 'PortInUse', message }
    }
    this.#ports.release(record.uid)
    record.ports = await this.#ports.allocate(record.uid, wanted)
    return undefined
  }

  /** Other instances whose units would have the same names as this one's. */
  #siblings(instance: Instance): readonly Instance[] {
    const { service, ordinal, templateHash } = instance.spec
    const owner = instance.metadata.ownerReferences?.[0]?.uid
    if (owner === undefined) return []
    return (this.#options.cache.byOwner(owner) as unknown as readonly Instance[]).filter(
      (one) =>
        one.kind === 'Instance' &&
        one.metadata.uid !== instance.metadata.uid &&
        one.spec.service === service &&
        one.spec.ordinal === ordinal &&
        one.spec.templateHash === templateHash,
    )
  }

  async #setObstacle(
    instance: Instance,
    record: InstanceRecord,
    obstacle: Obstacle | undefined,
  ): Promise<void> {
    const isNews =
      obstacle !== undefined && obstacle.phase !== 'Pending' && record.obstacle?.message !== obstacle.message
    record.obstacle = obstacle
    if (isNews) await this.#tell(instance, announceObstacle(obstacle))
  }

  async #restartUnhealthy(
    record: InstanceRecord,
    ids: readonly ProgramId[],
    instance: Instance,
    actions: readonly ProgramAction[],
  ): Promise<void> {
    for (const action of actions) {
      if (action.kind !== 'restart') continue
      const index = record.programs.findIndex((one) => one.name === action.name)
      const [program, id] = [record.programs[index], ids[index]]
      if (program === undefined || id === undefined) continue
      const reason = program.liveness?.message ?? 'its liveness probe failed'
      await this.#options.runtime.stop(id, stopOptions(instance))
      program.endingFor = reason
      program.liveness = undefined
    }
  }

  async #end(
    record: InstanceRecord,
    ids: readonly ProgramId[],
    instance: Instance,
    plan: InstancePlan,
  ): Promise<void> {
    for (const action of plan.actions) {
      const id = ids[record.programs.findIndex((one) => one.name === action.name)]
      if (id === undefined) continue
      if (this.byProgram.get(programKey(id))?.record !== record) continue
      if (action.kind === 'stop') await this.#options.runtime.stop(id, stopOptions(instance))
      if (action.kind === 'forget') await this.#options.runtime.forget(id)
    }
  }

  #probe(ref: ObjectRef, instance: Instance, record: InstanceRecord, deleting: boolean): void {
    const { runtime, clock } = this.#options
    const programs = deleting ? [] : programsOf(instance.spec.template)
    startProbes({
      record,
      programs,
      observed: this.#observed(record),
      clock,
      exec: (id, command, signal) =>
        runtime.exec(id, { command, tty: false, stdin: false, quiet: true }, signal),
      idOf: (name) => programIds(instance).find((id) => id.program === name),
      onVerdict: () => this.#enqueue(ref),
    })
  }

  async #writeStatus(
    ref: ObjectRef,
    instance: Instance,
    record: InstanceRecord,
    plan: InstancePlan,
  ): Promise<void> {
    const { runtime, clock } = this.#options
    const probed = new Set(
      programsOf(instance.spec.template)
        .filter((one) => one.readiness !== undefined)
        .map((one) => one.name),
    )
    const status = instanceStatus({
      instance,
      record,
      observed: this.#observed(record),
      hasReadiness: (program) => probed.has(program),
      info: runtime.info,
      stopped: plan.stopped,
      waiting: plan.waitMs !== undefined,
      nowMs: clock.now(),
    })
    if (deepEqual(status, record.written)) return
    const becameReady = status.ready === true && record.written?.ready !== true
    await this.#options.api.updateStatus({ ...ref, uid: instance.metadata.uid }, status as unknown as Json)
    record.written = status
    if (becameReady) await this.#tell(instance, announceReady(status))
  }

  /** The object is gone: nothing of it may go on running. */
  async #forget(ref: ObjectRef): Promise<Outcome> {
    const key = refKey(ref)
    const record = this.#records.get(key)
    if (record === undefined) return settled
    const observed = this.#options.runtime.observe()
    for (const program of record.programs) {
      const seen = observed.get(program.key)
      if (seen !== undefined && this.byProgram.get(program.key)?.record === record)
        await this.#endProgram(seen.id)
    }
    this.#drop(key, record)
    return settled
  }

  async #endProgram(id: ProgramId): Promise<void> {
    this.#options.logger.log('warn', 'ending a program that no instance wants', { program: programKey(id) })
    await this.#options.runtime.stop(id, { signal: 'SIGTERM', graceMs: parseDurationMs('10s') })
  }

  #drop(key: string, record: InstanceRecord): void {
    stopProbes(record)
    this.#ports.release(record.uid)
    for (const program of record.programs) {
      if (this.byProgram.get(program.key)?.record === record) this.byProgram.delete(program.key)
    }
    this.#records.delete(key)
  }

  async #tell(instance: Instance, event: InstanceEvent | undefined): Promise<void> {
    if (event === undefined) return
    const { namespace, name, uid } = instance.metadata
    const about = { kind: 'Instance', namespace, name, uid }
    await this.#options.api.recordEvent({ ...event, about, source: `agent ${this.#options.node}` })
  }
}

function refOf(instance: Instance): ObjectRef {
  return { kind: 'Instance', namespace: instance.metadata.namespace, name: instance.metadata.name }
}

function isUp(state: string | undefined): boolean {
  return state === 'running' || state === 'starting' || state === 'stopping'
}

function stopOptions(instance: Instance): { readonly graceMs: number; readonly signal: string } {
  const { signal, gracePeriod } = instance.spec.template.stop
  return { signal, graceMs: parseDurationMs(gracePeriod) }
}
