/**
 * Plain processes without systemd: everything works that needs neither control groups nor namespaces, root or not. How
 * what runs outlives this process and is never doubled: shim.ts, program.ts and docs/decisions/0010-adopting-processes.md.
 */
import { type FSWatcher, watch } from 'node:fs'
import type { Clock } from '../../core/clock.ts'
import { messageOf, NsctlError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type {
  ArmedFence,
  ObservedProgram,
  ProgramId,
  ProgramMaterial,
  ProgramSpec,
  Runtime,
  RuntimeCleaner,
  RuntimeFence,
  RuntimeMaterials,
  RuntimeStorage,
  UsageOptions,
} from '../runtime.ts'
import { programKey } from '../runtime.ts'
import { removeEverything } from './cleanup.ts'
import { armFence, canFence } from './fence.ts'
import { adoptPrograms } from './inheritance.ts'
import { DEFAULT_LOG_LIMITS, type LogLimits } from './keeper.ts'
import { createLauncher } from './launcher.ts'
import { layoutOf, makeLayout, parseAttemptFile, storageDir } from './layout.ts'
import { type OwnerLock, takeOwnerLock } from './lock.ts'
import { type Machine, sharedSnapshots } from './machine.ts'
import { type MaterialOptions, machineMaterials, ProcessMaterials } from './materials.ts'
import { openProcessTable } from './platform.ts'
import { Program } from './program.ts'
import { pruneForgotten } from './retention.ts'
import { installShim } from './shim.ts'
import { listVolumes, purgeVolume } from './storage.ts'
import type { ProcessTable } from './table.ts'
import { UsageMeter } from './usage.ts'

/** What only control groups and namespaces could do. */
const CANNOT = [
  'resources.cpu',
  'resources.memory',
  'limits.cpu',
  'limits.tasks',
  'storage.path',
  'secrets.path',
  'configs.path',
  'network',
  'security',
] as const

/** Whether what was started earlier still lives is asked so often; its end is heard of at once otherwise. */
const SWEEP_MS = 1_000
/** Where the file system does not tell of changes. */
const BLIND_SWEEP_MS = 100
const PRUNE_MS = 3_600_000
const JUMP_MS = 60_000

export interface ProcessRuntimeOptions {
  /** Everything that the runtime keeps lies here. */
  readonly stateDir: string
  readonly clock: Clock
  readonly logger: Logger
  /** Closes the runtime. What runs goes on. */
  readonly signal?: AbortSignal
  readonly logLimits?: LogLimits
  /** The machine's own unless given. */
  readonly table?: ProcessTable
  /** Where there is a file system in memory; the machine's own unless given. */
  readonly memory?: MaterialOptions
}

/**
 * Takes ownership of what runs under `stateDir` and goes on with it.
 * Throws Conflict, which names the owner's pid, where another process has it.
 */
export async function openProcessRuntime(
  options: ProcessRuntimeOptions,
): Promise<Runtime & RuntimeMaterials & RuntimeStorage & RuntimeCleaner & RuntimeFence> {
  const layout = layoutOf(options.stateDir)
  makeLayout(layout)
  const lock = takeOwnerLock(layout.lock)
  try {
    const table = options.table ?? openProcessTable()
    let closed = options.signal?.aborted ?? false
    const machine: Machine = {
      layout,
      table,
      launcher: createLauncher(installShim(layout), table.bootId, {
        path: process.env.PATH ?? '',
        fenceFile: layout.fence,
      }),
      clock: options.clock,
      logger: options.logger,
      materials: new ProcessMaterials(layout, options.memory ?? machineMaterials()),
      logLimits: options.logLimits ?? DEFAULT_LOG_LIMITS,
      processes: sharedSnapshots(table),
      isClosed: () => closed,
    }
    const runtime = new ProcessRuntime(machine, lock, () => {
      closed = true
    })
    await runtime.takeOver()
    options.signal?.addEventListener('abort', () => void runtime.close(), { once: true })
    if (closed) await runtime.close()
    return runtime
  } catch (error) {
    lock.release()
    throw error
  }
}

class ProcessRuntime implements Runtime, RuntimeMaterials, RuntimeStorage, RuntimeCleaner, RuntimeFence {
  readonly name = 'process'
  readonly info
  readonly #machine: Machine
  readonly #lock: OwnerLock
  readonly #markClosed: () => void
  readonly #programs = new Map<string, Program>()
  readonly #byName = new Map<string, Program>()
  readonly #observed = new Map<string, ObservedProgram>()
  readonly #listeners = new Set<(key: string) => void>()
  readonly #usage: UsageMeter
  #watcher: FSWatcher | undefined
  #cancelSweep: (() => void) | undefined
  #cancelPrune: (() => void) | undefined

  constructor(machine: Machine, lock: OwnerLock, markClosed: () => void) {
    this.#machine = machine
    this.#lock = lock
    this.#markClosed = markClosed
    this.#usage = new UsageMeter(machine)
    const { table, materials } = machine
    const lacks = [...(table.tellsProcessesApart ? [] : ['adoption']), ...(canFence() ? [] : ['unique'])]
    const cannot = [...CANNOT, ...lacks, ...materials.cannot]
    this.info = { description: 'process', cannot }
  }

  /** Watches first, then reads: nothing is missed in between. */
  async takeOver(): Promise<void> {
    this.#watch()
    for (const record of await adoptPrograms(this.#machine)) {
      const key = programKey(record.spec.id)
      this.#add(Program.adopt(record, this.#machine, () => this.#changed(key)))
    }
    this.#machine.materials.sweep((name) => this.#byName.has(name))
    this.#sweep()
    this.#prune()
  }

  async start(spec: ProgramSpec, signal: AbortSignal): Promise<void> {
    this.#assertOpen()
    signal.throwIfAborted()
    if (spec.container !== undefined)
      throw new NsctlError('Unsupported', 'plain processes have no containers', {
        next: 'run the agent as root under systemd, on a machine with systemd-nspawn',
      })
    const key = programKey(spec.id)
    const program =
      this.#programs.get(key) ?? this.#add(Program.fresh(spec, this.#machine, () => this.#changed(key)))
    await program.start(spec)
  }

  async stop(id: ProgramId, options: { readonly graceMs: number; readonly signal: string }): Promise<void> {
    this.#assertOpen()
    const program = this.#programs.get(programKey(id))
    if (program === undefined) this.#dropMaterial(id)
    else program.stop(options)
  }

  async place(id: ProgramId, material: ProgramMaterial): Promise<void> {
    this.#assertOpen()
    this.#machine.materials.place(id, material)
  }

  async reload(id: ProgramId, signal: string): Promise<void> {
    this.#assertOpen()
    this.#programs.get(programKey(id))?.signal(signal)
  }

  /** Of what was placed and never started. */
  #dropMaterial(id: ProgramId): void {
    this.#machine.materials.release(id)
    this.#machine.materials.remove(id)
  }

  async forget(id: ProgramId): Promise<void> {
    this.#assertOpen()
    const key = programKey(id)
    const program = this.#programs.get(key)
    if (program === undefined) return this.#dropMaterial(id)
    if (!program.isSettled)
      throw new NsctlError('Conflict', `${key} cannot be forgotten while it runs`, {
        value: key,
        next: 'stop it first',
      })
    program.forget()
    this.#programs.delete(key)
    this.#byName.delete(program.name)
    this.#observed.delete(key)
    this.#tell(key)
  }

  observe(): ReadonlyMap<string, ObservedProgram> {
    return this.#observed
  }

  onChange(listener: (key: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  usage(options: UsageOptions = {}) {
    const running = [...this.#programs.values()].flatMap((program) => program.running() ?? [])
    return this.#usage.measure(running, options)
  }

  async close(): Promise<void> {
    if (this.#machine.isClosed() && this.#watcher === undefined && this.#cancelSweep === undefined) return
    for (const program of this.#programs.values()) program.close()
    this.#markClosed()
    this.#watcher?.close()
    this.#watcher = undefined
    this.#cancelSweep?.()
    this.#cancelSweep = undefined
    this.#cancelPrune?.()
    this.#lock.release()
  }

  async arm(): Promise<ArmedFence> {
    const { layout, table } = this.#machine
    return armFence(layout.fence, table.bootId)
  }

  fenced(): readonly ProgramId[] {
    const programs = [...this.#programs.values()]
    return programs.flatMap(({ spec, isSettled }) => (spec.fenced && !isSettled ? [spec.id] : []))
  }

  storagePath(volume: Parameters<RuntimeStorage['storagePath']>[0]): string {
    return storageDir(this.#machine.layout, volume)
  }

  async listStorage() {
    return listVolumes(this.#machine.layout)
  }

  async purgeStorage(volume: Parameters<RuntimeStorage['purgeStorage']>[0]): Promise<void> {
    await purgeVolume(this.#machine.layout, volume)
  }

  removeAll(options: { readonly purge: boolean; readonly signal: AbortSignal }): Promise<readonly string[]> {
    this.#assertOpen()
    return removeEverything(this, [...this.#programs.values()], this.#machine, options)
  }

  #add(program: Program): Program {
    this.#programs.set(program.key, program)
    this.#byName.set(program.name, program)
    this.#changed(program.key)
    return program
  }

  #changed(key: string): void {
    const program = this.#programs.get(key)
    if (program === undefined || this.#machine.isClosed()) return
    this.#observed.set(key, program.observed())
    this.#tell(key)
  }

  #tell(key: string): void {
    for (const listener of [...this.#listeners]) listener(key)
  }

  /** Shims write claims and exits into one directory: one watch hears of them all. */
  #watch(): void {
    try {
      this.#watcher = watch(this.#machine.layout.run, { persistent: false }, (_, file) => {
        const found = file === null ? undefined : parseAttemptFile(file)
        if (found !== undefined && /\.(claim|exit)$/.test(file ?? '')) this.#byName.get(found.name)?.look()
      })
      this.#watcher.on('error', (error) => this.#goBlind(error))
    } catch (error) {
      this.#goBlind(error)
    }
  }

  #goBlind(error: unknown): void {
    this.#watcher?.close()
    this.#watcher = undefined
    const message = 'the file system does not tell of changes: looking for them instead'
    this.#machine.logger.log('warn', message, { error: messageOf(error) })
  }

  #sweep(): void {
    if (this.#machine.isClosed()) return
    for (const program of this.#programs.values()) program.look()
    const everyMs = this.#watcher === undefined ? BLIND_SWEEP_MS : SWEEP_MS
    this.#cancelSweep = this.#machine.clock.schedule(everyMs, () => this.#sweep())
  }

  /** Removes old output: by number at first, by age only where the wall clock went as the monotonic one did since the last pass. */
  #prune(last?: { readonly wallMs: number; readonly monotonicMs: number }): void {
    const { clock, layout, logger } = this.#machine
    const now = { wallMs: clock.now(), monotonicMs: clock.monotonic() }
    const jumpMs =
      last === undefined ? Infinity : now.wallMs - last.wallMs - (now.monotonicMs - last.monotonicMs)
    try {
      const isKnown = (name: string) => this.#byName.has(name)
      pruneForgotten(layout, isKnown, Math.abs(jumpMs) < JUMP_MS ? now.wallMs : undefined)
    } catch (error) {
      logger.log('warn', 'cannot remove old output', { error: messageOf(error) })
    }
    this.#cancelPrune = clock.schedule(PRUNE_MS, () => this.#prune(now))
  }

  #assertOpen(): void {
    if (this.#machine.isClosed())
      throw new NsctlError('Bug', 'the process runtime was used after it was closed')
  }
}
