/**
 * Programs as systemd units. systemd holds them: it restarts a crash at once, keeps limits and logs, and needs nobody of ours
 * alive for it. This process writes units, asks for starts and stops, and listens.
 */
import { constants } from 'node:os'
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
  type RuntimeFence,
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
import { SystemdFence } from './fence.ts'
import { prepareFolders, readContainedPid, readTemplate, writeStopDropIn } from './files.ts'
import { showHidden } from './hidden.ts'
import { type Layout, layoutOf } from './layout.ts'
import { localMachine, type SystemdMachine } from './machine.ts'
import type { ManagerEvents, UnitManager } from './manager.ts'
import { SystemdMaterials } from './materials.ts'
import { keepMemories, readMemories } from './memory.ts'
import { learnMissed } from './missed.ts'
import { templateName, unitName } from './names.ts'
import { chooseRoot, noContainers } from './nspawn/prepare.ts'
import { type PreparedStart, Starter } from './starter.ts'
import { planStop, stopSettings } from './stopping.ts'
import type { VolumeFolders } from './storage.ts'
import { tidyFiles } from './tidy.ts'
import { ProgramTracker } from './tracker.ts'
import { Turns, turnsFor } from './turns.ts'
import { isFencedUnit, splitEnvironment, templateUnit } from './unit.ts'

export interface SystemdRuntimeOptions {
  readonly scope: ManagerScope
  /** Outlives a reboot. */
  readonly stateDir: string
  /** Gone after a reboot; /run/nsctl (or a folder of $XDG_RUNTIME_DIR) if left out. */
  readonly runDir?: string
  /** Whose systemd it is; this one's if left out. */
  readonly machine?: SystemdMachine
  readonly clock: Clock
  readonly logger: Logger
  /** Closes the runtime; what runs goes on. */
  readonly signal: AbortSignal
}

export type SystemdRuntime = Runtime &
  RuntimeMaterials &
  RuntimeStorage &
  RuntimeCleaner &
  RuntimeRestorer &
  RuntimeFence

/** @throws Unreachable where systemd does not answer; Unsupported for a user without a manager of its own */
export async function openSystemdRuntime(options: SystemdRuntimeOptions): Promise<SystemdRuntime> {
  const { scope, clock, logger, signal, machine = localMachine() } = options
  const layout = layoutOf({ ...options, disk: machine.disk })
  prepareFolders(layout)
  const desired = await DesiredSet.open(layout.desiredDir, machine.desired)
  const tracker = new ProgramTracker(
    clock,
    scope === 'system'
      ? { wasOomKilled: machine.oomWatcher(), containedPid: (id) => readContainedPid(layout, id) }
      : {},
  )
  const memories = readMemories(layout)
  tracker.remember(memories)
  const events: ManagerEvents = {
    changed: (unit, change) => tracker.changed(unit, change),
    removed: (unit) => tracker.removed(unit),
    all: (units) => tracker.all(units),
  }
  const manager = await machine.openManager({ scope, events, logger, signal })
  const { journal } = machine
  await learnMissed(tracker, memories, { scope, nowMs: clock.now(), journal, logger, signal })
  const materials = new SystemdMaterials(layout)
  materials.sweep((id) => desired.has(id) || tracker.isLoaded(id))
  await layout.disk.settled()
  const info: RuntimeInfo = {
    description: `systemd ${manager.version} (${scope})`,
    cannot: [
      ...machine.cannot,
      ...(await whatCannot(scope, manager.controlGroup)),
      ...(materials.inMemory ? [] : ['secrets']),
    ],
    runtimes: machine.whyNoContainers(scope) === undefined ? ['nspawn'] : [],
  }
  const { systemctl } = machine
  const uptimeMs = () => machine.uptimeMs()
  const fence = new SystemdFence({ layout, desired, manager, systemctl, uptimeMs })
  return new SystemdPrograms({
    ...options,
    machine,
    layout,
    desired,
    tracker,
    manager,
    materials,
    fence,
    info,
  })
}

interface Parts extends SystemdRuntimeOptions {
  readonly machine: SystemdMachine
  readonly layout: Layout
  readonly desired: DesiredSet
  readonly tracker: ProgramTracker
  readonly manager: UnitManager
  readonly materials: SystemdMaterials
  readonly fence: SystemdFence
  readonly info: RuntimeInfo
}

class SystemdPrograms implements SystemdRuntime {
  readonly name = 'systemd'
  readonly info: RuntimeInfo
  readonly #parts: Parts
  readonly #turns: Turns
  readonly #starter: Starter
  readonly #storage: VolumeFolders
  readonly #endings: Endings
  /** The unit's text for what a template's instances share. */
  readonly #units = new Map<string, { readonly shared: unknown; readonly unit: Promise<string> }>()
  /** Starts on their way; a stop comes after them. */
  readonly #starting = new Map<string, Promise<void>>()
  readonly #endMemories: () => void
  #closed = false

  constructor(parts: Parts) {
    const { layout, manager, desired, materials, tracker, clock, machine } = parts
    this.#parts = parts
    this.info = parts.info
    this.#turns = new Turns(clock, turnsFor(machine.cores))
    this.#starter = new Starter({ layout, manager, desired, materials, turns: this.#turns })
    this.#storage = machine.volumes(layout)
    this.#endings = new Endings(parts)
    this.#endMemories = keepMemories(layout, tracker, clock)
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
      group: spec.group,
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
    if (!wanted && !tracker.isLoaded(id)) {
      materials.remove(id)
      return await layout.disk.settled()
    }
    // with its last instance a template leaves the desired set; systemd goes by its file until that has ended
    const unit = desired.unitOf(id) ?? readTemplate(layout, id)
    const plan = planStop(stopSettings(unit), options, tracker.observe().get(key)?.state)
    desired.remove(id)
    const saved = desired.save()
    if (plan.dropIn !== undefined) {
      writeStopDropIn(layout, id, plan.dropIn)
      await layout.disk.settled()
      await this.#starter.reload()
    }
    await Promise.all([saved, manager.stop(unitName(id))])
    this.#endings.follow(id, plan.killAfterMs)
    this.#tidy(key)
  }

  async place(id: ProgramId, material: ProgramMaterial): Promise<void> {
    const { materials, layout } = this.#parts
    materials.place(id, material)
    await layout.disk.settled()
  }

  async reload(id: ProgramId, signal: string): Promise<void> {
    const { manager, tracker } = this.#parts
    if (tracker.observe().get(programKey(id))?.pid === undefined) return
    await manager.kill(unitName(id), constants.signals[signal as NodeJS.Signals], 'main')
  }

  async forget(id: ProgramId): Promise<void> {
    const { desired, tracker, materials, layout } = this.#parts
    const known = tracker.observe().get(programKey(id)) !== undefined
    if (known && !tracker.forget(id)) return
    materials.release(id)
    desired.remove(id)
    this.#tidyFiles(id)
    await Promise.all([desired.save(), layout.disk.settled()])
  }

  observe(): ReadonlyMap<string, ObservedProgram> {
    return this.#parts.tracker.observe()
  }

  onChange(listener: (key: string) => void): () => void {
    return this.#parts.tracker.onChange(listener)
  }

  async usage(options: UsageOptions = {}): Promise<readonly ProgramUsage[]> {
    const { machine, manager } = this.#parts
    return machine.usage(manager.controlGroup, options)
  }

  readonly arm = () => this.#parts.fence.arm()
  readonly fenced = () => this.#parts.fence.fenced()

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
    if (layout.disk.info(layout.restoredFile) !== undefined) return []
    // what is fenced waits for a lease
    const starts = desired.instances().filter(({ unit }) => !isFencedUnit(unit))
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
    layout.disk.write(layout.restoredFile, '', { mode: 0o600 })
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
    // where the way there has ended the journal tells the next one
    await this.#parts.layout.disk.settled()?.catch(() => {})
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
    const { layout, scope, machine } = this.#parts
    if (spec.container !== undefined) {
      const why = machine.whyNoContainers(scope)
      if (why !== undefined) throw noContainers(why)
      return templateUnit(spec, { ...layout, binds: [], root: chooseRoot(spec.container, layout) })
    }
    const { spec: shown, binds } = await showHidden(spec, scope, layout.bindDir, machine.looks)
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
    if (this.#starting.has(programKey(id))) return
    if (tidyFiles(this.#parts, id)) this.#units.delete(templateName(id))
  }
}
