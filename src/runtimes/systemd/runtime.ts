/**
 * Programs as systemd units. systemd holds them: it restarts a crash at once, keeps limits and logs, and needs nobody of ours
 * alive for it. This process writes units, asks for starts and stops, and listens.
 */
import { existsSync } from 'node:fs'
import { availableParallelism, constants } from 'node:os'
import type { Clock } from '../../core/clock.ts'
import { deepEqual } from '../../core/json.ts'
import type { Logger } from '../../core/logger.ts'
import {
  type ObservedProgram,
  type ProgramId,
  type ProgramMaterial,
  type ProgramSpec,
  type ProgramUsage,
  programKey,
  type Runtime,
  type RuntimeCleaner,
  type RuntimeInfo,
  type RuntimeMaterials,
  type RuntimeRestorer,
  type RuntimeStorage,
  type UsageOptions,
  type VolumeId,
} from '../runtime.ts'
import { whatCannot } from './abilities.ts'
import { removeEverything } from './clean.ts'
import type { ManagerScope } from './dbus/address.ts'
import { DesiredSet } from './desired.ts'
import { Endings } from './endings.ts'
import {
  prepareFolders,
  readTemplate,
  removeInstanceFiles,
  removeTemplate,
  writeStopDropIn,
  writeWhole,
} from './files.ts'
import { showHidden } from './hidden.ts'
import { type Layout, layoutOf } from './layout.ts'
import type { ManagerEvents, UnitManager } from './manager.ts'
import { SystemdMaterials } from './materials.ts'
import { keepMemories, readMemories } from './memory.ts'
import { learnExits } from './missed.ts'
import { moveReadier } from './moves.ts'
import { templateName, unitName } from './names.ts'
import { oomWatcher } from './oom.ts'
import { openManager } from './open-manager.ts'
import { type PreparedStart, Starter } from './starter.ts'
import { planStop, stopSettings } from './stopping.ts'
import { SystemdStorage } from './storage.ts'
import { ProgramTracker } from './tracker.ts'
import { Turns, turnsFor } from './turns.ts'
import { splitEnvironment, templateUnit } from './unit.ts'
import { findCgroups, readUsage } from './usage.ts'

export interface SystemdRuntimeOptions {
  readonly scope: ManagerScope
  /** Outlives a reboot. */
  readonly stateDir: string
  /** Gone after a reboot; /run/nsctl (or a folder of $XDG_RUNTIME_DIR) if left out. */
  readonly runDir?: string
  readonly clock: Clock
  readonly logger: Logger
  /** Closes the runtime; what runs goes on. */
  readonly signal: AbortSignal
}

export type SystemdRuntime = Runtime & RuntimeMaterials & RuntimeStorage & RuntimeCleaner & RuntimeRestorer

/** @throws Unreachable where systemd does not answer; Unsupported for a user without a manager of its own */
export async function openSystemdRuntime(options: SystemdRuntimeOptions): Promise<SystemdRuntime> {
  const { scope, clock, logger, signal } = options
  const layout = layoutOf(options)
  prepareFolders(layout)
  const desired = await DesiredSet.open(layout.desiredDir)
  const tracker = new ProgramTracker(clock, scope === 'system' ? oomWatcher() : undefined)
  const memories = readMemories(layout.memoryFile)
  tracker.remember(memories)
  const events: ManagerEvents = {
    changed: (unit, change) => tracker.changed(unit, change),
    removed: (unit) => tracker.removed(unit),
    all: (units) => tracker.all(units),
  }
  const manager = await openManager({ scope, events, logger, signal, readyRestart: moveReadier() })
  const exits = await learnExits(tracker.missedSince(memories), {
    scope,
    nowMs: clock.now(),
    runs: (id) => tracker.isLoaded(id),
    logger,
    signal,
  })
  for (const memory of memories) {
    const exit = exits.get(programKey(memory.id))
    if (exit !== undefined) tracker.exitLearned(memory.id, exit)
  }
  const materials = new SystemdMaterials(layout)
  materials.sweep((id) => desired.has(id) || tracker.isLoaded(id))
  const info: RuntimeInfo = {
    description: `systemd ${manager.version} (${scope})`,
    cannot: [...(await whatCannot(scope, manager.controlGroup)), ...(materials.inMemory ? [] : ['secrets'])],
  }
  return new SystemdPrograms({ ...options, layout, desired, tracker, manager, materials, info })
}

interface Parts extends SystemdRuntimeOptions {
  readonly layout: Layout
  readonly desired: DesiredSet
  readonly tracker: ProgramTracker
  readonly manager: UnitManager
  readonly materials: SystemdMaterials
  readonly info: RuntimeInfo
}

class SystemdPrograms implements SystemdRuntime {
  readonly name = 'systemd'
  readonly info: RuntimeInfo
  readonly #parts: Parts
  readonly #turns: Turns
  readonly #starter: Starter
  readonly #storage: SystemdStorage
  readonly #endings: Endings
  /** The unit's text for what a template's instances share. */
  readonly #units = new Map<string, { readonly shared: unknown; readonly unit: Promise<string> }>()
  /** Starts on their way; a stop comes after them. */
  readonly #starting = new Map<string, Promise<void>>()
  readonly #endMemories: () => void
  #closed = false

  constructor(parts: Parts) {
    const { layout, manager, desired, materials, tracker, clock } = parts
    this.#parts = parts
    this.info = parts.info
    this.#turns = new Turns(clock, turnsFor(availableParallelism()))
    this.#starter = new Starter({ layout, manager, desired, materials, turns: this.#turns })
    this.#storage = new SystemdStorage(layout)
    this.#endings = new Endings(parts)
    this.#endMemories = keepMemories(layout.memoryFile, tracker, clock)
    tracker.onChange((key) => {
      this.#endTurn(key)
      this.#tidy(key)
    })
  }

  async start(spec: ProgramSpec, signal: AbortSignal): Promise<void> {
    const key = programKey(spec.id)
    await this.#starting.get(key)
    await this.#endings.begun(key)
    signal.throwIfAborted()
    const unit = await this.#unitOf(spec)
    signal.throwIfAborted()
    const earlier = this.#starting.get(key)
    if (earlier !== undefined) return earlier
    const { desired, tracker, materials } = this.#parts
    const state = tracker.observe().get(key)?.state
    const runs = state === 'running' || state === 'starting'
    if (runs && desired.has(spec.id) && desired.unitOf(spec.id) === unit) return
    materials.assertPlaced(spec)
    const start: PreparedStart = {
      id: spec.id,
      unit,
      paths: spec.material?.paths ?? {},
      own: splitEnvironment(spec.env).own,
      folders: this.#storage.foldersFor(spec),
      failedBefore: tracker.isLoaded(spec.id) && state === 'exited',
      signal,
    }
    return this.#track(spec.id, this.#starter.start(start))
  }

  async stop(id: ProgramId, options: { readonly graceMs: number; readonly signal: string }): Promise<void> {
    const key = programKey(id)
    await this.#starting.get(key)?.catch(() => {})
    const { desired, tracker, manager, materials, layout } = this.#parts
    materials.release(id)
    const wanted = desired.has(id)
    if (!wanted && !tracker.isLoaded(id)) return materials.remove(id)
    // with its last instance a template leaves the desired set; systemd goes by its file until that has ended
    const unit = desired.unitOf(id) ?? readTemplate(layout, id)
    const plan = planStop(stopSettings(unit), options, tracker.observe().get(key)?.state)
    desired.remove(id)
    const saved = desired.save()
    if (plan.dropIn !== undefined) {
      writeStopDropIn(layout, id, plan.dropIn)
      await this.#starter.reload()
    }
    await Promise.all([saved, manager.stop(unitName(id))])
    this.#endings.follow(id, plan.killAfterMs)
    this.#tidy(key)
  }

  async place(id: ProgramId, material: ProgramMaterial): Promise<void> {
    this.#parts.materials.place(id, material)
  }

  async reload(id: ProgramId, signal: string): Promise<void> {
    const { manager, tracker } = this.#parts
    if (tracker.observe().get(programKey(id))?.pid === undefined) return
    await manager.kill(unitName(id), constants.signals[signal as NodeJS.Signals], 'main')
  }

  async forget(id: ProgramId): Promise<void> {
    const { desired, tracker, materials } = this.#parts
    const known = tracker.observe().get(programKey(id)) !== undefined
    if (known && !tracker.forget(id)) return
    materials.release(id)
    desired.remove(id)
    this.#tidyFiles(id)
    await desired.save()
  }

  observe(): ReadonlyMap<string, ObservedProgram> {
    return this.#parts.tracker.observe()
  }

  onChange(listener: (key: string) => void): () => void {
    return this.#parts.tracker.onChange(listener)
  }

  async usage(options: UsageOptions = {}): Promise<readonly ProgramUsage[]> {
    return readUsage(await findCgroups(this.#parts.manager.controlGroup), options)
  }

  storagePath(volume: VolumeId): string {
    return this.#storage.storagePath(volume)
  }

  listStorage(): Promise<readonly VolumeId[]> {
    return this.#storage.listStorage()
  }

  purgeStorage(volume: VolumeId): Promise<void> {
    return this.#storage.purgeStorage(volume)
  }

  async restore(
    mayStart: (id: ProgramId) => boolean | Promise<boolean> = () => true,
  ): Promise<readonly ProgramId[]> {
    const { layout, desired, materials, signal } = this.#parts
    if (existsSync(layout.restoredFile)) return []
    const starts = desired.instances()
    const allowed = await Promise.all(starts.map(({ id }) => mayStart(id)))
    // what takes material that is not in place waits for it: whoever places it starts it then
    const wanted = starts.filter(
      ({ id, unit, paths }, index) => allowed[index] && materials.prepare(id, unit, paths),
    )
    await Promise.all(
      wanted.map((start) =>
        this.#track(start.id, this.#starter.start({ ...start, folders: [], failedBefore: false, signal })),
      ),
    )
    writeWhole(layout.restoredFile, '', 0o600)
    return wanted.map(({ id }) => id)
  }

  async removeAll(options: {
    readonly purge: boolean
    readonly signal: AbortSignal
  }): Promise<readonly string[]> {
    const { desired, materials } = this.#parts
    await Promise.allSettled(this.#starting.values())
    desired.clear()
    await desired.save()
    this.#units.clear()
    materials.clear()
    return removeEverything({ ...this.#parts, storage: this.#storage, ...options })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#endings.close()
    await Promise.allSettled(this.#starting.values())
    this.#endMemories()
    await this.#parts.manager.close()
  }

  /** The template's text; made once for all instances that share it. */
  #unitOf(spec: ProgramSpec): Promise<string> {
    const name = templateName(spec.id)
    const { own, shared: env } = splitEnvironment(spec.env)
    const shared = { ...spec, id: name, env, ownVariables: Object.keys(own).length > 0 }
    const known = this.#units.get(name)
    if (known !== undefined && deepEqual(known.shared, shared)) return known.unit
    const unit = this.#makeUnit(spec)
    this.#units.set(name, { shared, unit })
    // what failed may succeed the next time
    unit.catch(() => this.#units.delete(name))
    return unit
  }

  async #makeUnit(spec: ProgramSpec): Promise<string> {
    const { layout, scope } = this.#parts
    const { spec: shown, binds } = await showHidden(spec, scope, layout.bindDir)
    return templateUnit(shown, { ...layout, binds })
  }

  #track(id: ProgramId, accepted: Promise<void>): Promise<void> {
    const { tracker } = this.#parts
    const key = programKey(id)
    tracker.startRequested(id)
    const answered = (isAccepted: boolean) => {
      this.#starting.delete(key)
      tracker.startAnswered(id, isAccepted)
      // one that ran already has no news
      this.#endTurn(key)
    }
    const tracked = accepted.then(
      () => answered(true),
      (error: unknown) => {
        answered(false)
        throw error
      },
    )
    this.#starting.set(key, tracked)
    return tracked
  }

  #endTurn(key: string): void {
    if (this.#parts.tracker.observe().get(key)?.state !== 'starting') this.#turns.end(key)
  }

  /** What ended and is not wanted leaves no files. */
  #tidy(key: string): void {
    const seen = this.#parts.tracker.observe().get(key)
    if (seen?.state === 'exited' && !this.#parts.desired.has(seen.id)) this.#tidyFiles(seen.id)
  }

  #tidyFiles(id: ProgramId): void {
    const { layout, desired, tracker, materials } = this.#parts
    if (this.#starting.has(programKey(id))) return
    removeInstanceFiles(layout, id)
    materials.remove(id)
    if (desired.unitOf(id) !== undefined) return
    const template = templateName(id)
    for (const other of tracker.observe().values())
      if (other.state !== 'exited' && templateName(other.id) === template) return
    removeTemplate(layout, id)
    materials.removeTemplate(id)
    this.#units.delete(template)
  }
}
