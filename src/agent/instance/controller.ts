/** The agent's Instance controller: what the store wants of this node's instances, the runtime does. */
import type { ResourceController } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import { type ControllerSpec, ownKey, refKey } from '../../engine/controller.ts'
import { type Outcome, recheck, settled } from '../../engine/reconciler.ts'
import type { Instance } from '../../resources/generated/types.ts'
import type { AnyResource, ObjectRef } from '../../resources/object.ts'
import { programsOf } from '../../resources/template.ts'
import { type ObservedProgram, programKey, type Runtime, type RuntimeReader } from '../../runtimes/runtime.ts'
import type { Announcer } from '../catalog/announcer.ts'
import type { Materials } from '../material/materials.ts'
import { INSTANCE_PORTS, PortAllocator } from '../ports.ts'
import { localSurroundings, type Surroundings } from '../surroundings.ts'
import type { Permits } from '../unique/permits.ts'
import { announceEnd, announceRun, type InstanceEvent } from './announce.ts'
import { Drain } from './drain.ts'
import { Ender } from './end.ts'
import { Given } from './given.ts'
import { endOrphans, endUnwanted } from './orphans.ts'
import { Pace } from './pace.ts'
import { type Place, Places } from './places.ts'
import { type InstancePlan, planInstance } from './plan.ts'
import { startProbes, stopProbes } from './probing.ts'
import { type InstanceRecord, makeRecord, note, unhealthyOf } from './record.ts'
import { Reporter } from './report.ts'
import { runEndOf, runsOnce } from './run-once.ts'
import { type BaseEnvironment, programIds } from './specs.ts'
import { Starter, type StartRequest } from './start.ts'

export interface InstanceControllerOptions {
  readonly node: string
  readonly cache: ObjectCache
  readonly api: Pick<ResourceController, 'updateStatus' | 'recordEvent'>
  readonly runtime: Runtime & Pick<RuntimeReader, 'exec'>
  readonly clock: Clock
  readonly logger: Logger
  readonly baseEnvironment: BaseEnvironment
  /** This machine where left out. */
  readonly surroundings?: Surroundings
  readonly materials: Materials
  /** Told before programs are ended, and before they are said to be ready. */
  readonly announcer?: Pick<Announcer, 'welcome' | 'retract' | 'withdraw' | 'conditionOf'>
  /** Without it nothing unique is started. */
  readonly permits?: Pick<Permits, 'permit'>
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
  /** What runs, by the program's key. For sampling usage. */
  places(): ReadonlyMap<string, Place>
  /** Ends what runs for no instance that the store knows. Returns how many programs that were. */
  endOrphans(): Promise<number>
  /** Has kept for the next boot what the instances run with, and nothing else. */
  reviewKept(): Promise<void>
}

export function createInstanceAgent(options: InstanceControllerOptions): InstanceAgent {
  const reconciler = new InstanceReconciler(options)
  return {
    spec: {
      name: 'instance',
      watches: [
        { kind: 'Instance', toKeys: (object) => reconciler.keysFor(object) },
        { kind: 'Delivery', toKeys: (object, old) => reconciler.given.keysFor(object, old) },
      ],
      reconciler,
      concurrency: STARTS_AT_A_TIME,
    },
    listen: (enqueue, signal) => reconciler.listen(enqueue, signal),
    places: () => reconciler.places.all,
    endOrphans: () => endOrphans(options),
    reviewKept: () => reconciler.given.review(),
  }
}

class InstanceReconciler {
  readonly places: Places
  readonly given: Given
  readonly #options: InstanceControllerOptions
  readonly #ports: PortAllocator
  readonly #surroundings: Surroundings
  readonly #starter: Starter
  readonly #ender: Ender
  readonly #pace: Pace
  readonly #reporter: Reporter
  readonly #records = new Map<string, InstanceRecord>()
  #enqueue: (ref: ObjectRef) => void = () => {}

  constructor(options: InstanceControllerOptions) {
    this.#options = options
    this.#surroundings = options.surroundings ?? localSurroundings()
    const { isPortFree, finder } = this.#surroundings
    this.#ports = new PortAllocator(INSTANCE_PORTS, isPortFree)
    this.places = new Places(options.cache)
    this.given = new Given(options)
    this.#pace = new Pace(options.clock)
    const tell = (instance: Instance, event: InstanceEvent) => this.#tell(instance, event)
    const drain = new Drain(options.clock, this.#surroundings.countConnections)
    this.#ender = new Ender({ ...options, ports: this.#ports, places: this.places, given: this.given, drain })
    this.#starter = new Starter({ ...options, ports: this.#ports, places: this.places, finder, tell })
    this.#reporter = new Reporter({ ...options, observed: (record) => this.#observed(record), tell })
  }

  /** An instance, and when it ends those that wait to take its place. What has not been started by then need not be. */
  keysFor(object: AnyResource): readonly ObjectRef[] {
    const instance = object as unknown as Instance
    if (instance.spec.node !== this.#options.node) return []
    const own = ownKey(object)
    if (object.metadata.deletionTimestamp === undefined) return own
    for (const ref of own) this.#records.get(refKey(ref))?.callOff?.(new Error('its end was asked for'))
    const siblings = this.places.siblings(instance).flatMap((one) => ownKey(one as unknown as AnyResource))
    return [...own, ...siblings]
  }

  listen(enqueue: (ref: ObjectRef) => void, signal: AbortSignal): void {
    this.#enqueue = enqueue
    const { runtime } = this.#options
    const unsubscribe = runtime.onChange((key) => {
      this.#pace.note(key, runtime.observe().get(key)?.state)
      const known = this.places.all.get(key)
      if (known !== undefined) enqueue(known.ref)
    })
    signal.addEventListener('abort', () => this.#close(unsubscribe), { once: true })
  }

  #close(unsubscribe: () => void): void {
    unsubscribe()
    for (const record of this.#records.values()) stopProbes(record)
  }

  async reconcile(ref: ObjectRef, signal: AbortSignal): Promise<Outcome> {
    const instance = this.#options.cache.get<Instance>(ref)
    if (instance === undefined) return await this.#forget(ref)
    if (instance.spec.node !== this.#options.node) return settled
    const record = this.#recordOf(ref, instance)
    this.places.claim(ref, instance, record)
    await this.#noteWhatHappened(instance, record)
    this.given.look(instance, record)
    const deleting = instance.metadata.deletionTimestamp !== undefined
    if (deleting) record.endingSinceMs ??= this.#options.clock.now()
    const plan = this.#plan(instance, record)
    const drainMs = deleting ? await this.#ender.end(record, instance, plan) : undefined
    if (!deleting) await this.#run(ref, instance, record, plan, signal)
    this.#probe(ref, instance, record, deleting)
    await this.#pace.turn()
    const after = deleting ? plan : this.#plan(instance, record)
    const waitMs = await this.#reporter.report({ ref, instance, record, plan: after })
    if (record.obstacle !== undefined) return recheck(OBSTACLE_RECHECK_MS, record.obstacle.message)
    const { materialNote } = record
    if (materialNote?.lacking && !deleting) return recheck(OBSTACLE_RECHECK_MS, materialNote.message)
    if (drainMs !== undefined)
      return recheck(
        Math.max(1, Math.min(drainMs, waitMs ?? drainMs)),
        'it finishes what it is in the middle of',
      )
    if (after.waitMs !== undefined) return recheck(Math.max(1, after.waitMs), 'backoff after a failure')
    if (waitMs !== undefined) return recheck(waitMs, 'more is to be said in a moment')
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
    return this.places.isIn(record) ? this.#options.runtime.observe() : NOTHING
  }

  #plan(instance: Instance, record: InstanceRecord): InstancePlan {
    const deleting = instance.metadata.deletionTimestamp !== undefined
    const observed = this.#observed(record)
    const once = runsOnce(instance)
    const views = record.programs.map((program) => ({
      name: program.name,
      ...(once && { ended: runEndOf(program, observed.get(program.key), record.written) }),
      state: observed.get(program.key)?.state,
      notBeforeMs: program.backoff.notBeforeMs,
      unhealthy: program.endingFor === undefined && unhealthyOf(program) !== undefined,
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
        await this.#tell(
          instance,
          runsOnce(instance) ? announceRun(program, noted) : announceEnd(program, noted),
        )
    }
  }

  async #run(
    ref: ObjectRef,
    instance: Instance,
    record: InstanceRecord,
    plan: InstancePlan,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#ender.restartUnhealthy(record, instance, plan.actions)
    if (runsOnce(instance)) await this.#ender.clear(instance, plan.actions)
    const programs = plan.actions.filter((action) => action.kind === 'start').map((action) => action.name)
    const composition = await this.given.compose(instance, record, programs.length > 0)
    const observed = this.#observed(record)
    if (composition !== undefined)
      await this.#tell(instance, await this.given.refresh(instance, record, composition, observed))
    if (programs.length > 0 && composition !== undefined) {
      const writePorts = async () => void (await this.#reporter.report({ ref, instance, record, plan }))
      await this.#start({ instance, record, programs, composition, writePorts }, signal)
    } else if (plan.waitMs === undefined) {
      await this.#starter.note(instance, record, undefined)
    }
  }

  /** Ends early where the end of the instance is asked for: the runtime may let a start wait until others are done. */
  async #start(request: StartRequest, signal: AbortSignal): Promise<void> {
    const { record } = request
    const off = new AbortController()
    record.callOff = (reason) => off.abort(reason)
    try {
      await this.#starter.start(request, AbortSignal.any([signal, off.signal]))
    } catch (error) {
      // that its end was asked for brings the reconcile that sees to it
      if (!off.signal.aborted) throw error
    } finally {
      record.callOff = undefined
    }
  }

  #probe(ref: ObjectRef, instance: Instance, record: InstanceRecord, deleting: boolean): void {
    const { runtime, clock } = this.#options
    const programs = deleting || runsOnce(instance) ? [] : programsOf(instance.spec.template)
    startProbes({
      record,
      programs,
      observed: this.#observed(record),
      clock,
      dial: this.#surroundings.dial,
      exec: (id, command, signal) =>
        runtime.exec(id, { command, tty: false, stdin: false, quiet: true }, signal),
      idOf: (name) => programIds(instance).find((id) => id.program === name),
      onVerdict: () => this.#enqueue(ref),
    })
  }

  /** The object is gone: nothing of it may go on running. */
  async #forget(ref: ObjectRef): Promise<Outcome> {
    const key = refKey(ref)
    const record = this.#records.get(key)
    if (record === undefined) return settled
    const observed = this.#options.runtime.observe()
    for (const program of record.programs) {
      const seen = observed.get(program.key)
      if (seen !== undefined && this.places.holds(record, program.key))
        await endUnwanted(this.#options, seen.id)
    }
    this.#drop(key, record)
    return settled
  }

  #drop(key: string, record: InstanceRecord): void {
    stopProbes(record)
    this.#ports.release(record.uid)
    this.places.release(record)
    this.#records.delete(key)
  }

  async #tell(instance: Instance, event: InstanceEvent | undefined): Promise<void> {
    if (event === undefined) return
    const { namespace, name, uid } = instance.metadata
    const about = { kind: 'Instance', namespace, name, uid }
    await this.#options.api.recordEvent({ ...event, about, source: `agent ${this.#options.node}` })
  }
}
