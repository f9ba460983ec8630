/** A runtime in memory that does what a test tells it: no process runs. */
import type { Clock } from '../../src/core/clock.ts'
import {
  type ExecOptions,
  type LogLine,
  type ObservedProgram,
  type ProgramExit,
  type ProgramId,
  type ProgramMaterial,
  type ProgramSpec,
  type ProgramUsage,
  programKey,
  type Runtime,
  type RuntimeMaterials,
  type RuntimeReader,
  type RuntimeStorage,
  type VolumeId,
} from '../../src/runtimes/runtime.ts'

export class FakeRuntime implements Runtime, RuntimeStorage, RuntimeMaterials, RuntimeReader {
  readonly name = 'fake'
  readonly info = { description: 'fake', cannot: ['limits.cpu', 'storage.path'] }
  /** Every call, in order: `start default/web/…/0/`. */
  readonly calls: string[] = []
  readonly specs = new Map<string, ProgramSpec>()
  readonly purged: VolumeId[] = []
  /** What was put in place last, by the program's key. */
  readonly placed = new Map<string, ProgramMaterial>()
  /**
   * What becomes of a program that is started; runs if left out. `wait`: others come first, until it is called off. May
   * throw: then the manager refused it.
   */
  onStart: (spec: ProgramSpec) => 'run' | 'hang' | 'wait' | ProgramExit = () => 'run'
  /** Called with every material that is put in place. May throw: then it could not be. */
  onPlace: () => void = () => {}
  /** The exit code of a command that is run beside a program. */
  onExec: () => number | Promise<number> = () => 0
  /** Called with every stop that is asked for. May throw: then the manager refused it. */
  onStop: () => void = () => {}
  /** Whether a stop ends the program at once. */
  stopsAtOnce = true
  readonly #clock: Clock
  readonly #programs = new Map<string, ObservedProgram>()
  readonly #listeners = new Set<(key: string) => void>()
  #pid = 1000

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async start(spec: ProgramSpec, signal: AbortSignal): Promise<void> {
    const key = programKey(spec.id)
    const before = this.#programs.get(key)
    if (before !== undefined && before.state !== 'exited') return
    this.calls.push(`start ${key}`)
    this.specs.set(key, spec)
    const restarts = before?.restarts ?? 0
    const fate = this.#fateOf(spec, before ?? { id: spec.id, state: 'exited', restarts })
    if (fate === 'wait') return this.#waitInVain(key, spec.id, restarts, signal)
    if (fate === 'hang') return this.#set(key, { id: spec.id, state: 'starting', restarts })
    if (fate !== 'run') return this.#set(key, { id: spec.id, state: 'exited', restarts, lastExit: fate })
    this.#run(key, spec.id, restarts)
  }

  async #waitInVain(key: string, id: ProgramId, restarts: number, signal: AbortSignal): Promise<void> {
    this.#set(key, { id, state: 'starting', restarts })
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    this.#set(key, { id, state: 'exited', restarts })
    throw signal.reason
  }

  /** What was refused is known from then on, and has not run. */
  #fateOf(spec: ProgramSpec, refused: ObservedProgram): 'run' | 'hang' | 'wait' | ProgramExit {
    try {
      return this.onStart(spec)
    } catch (error) {
      this.#set(programKey(spec.id), refused)
      throw error
    }
  }

  #run(key: string, id: ProgramId, restarts: number, lastExit?: ProgramExit): void {
    const running = {
      id,
      state: 'running',
      pid: ++this.#pid,
      startedAtMs: this.#clock.now(),
      restarts,
    } as const
    this.#set(key, { ...running, ...(lastExit && { lastExit }) })
  }

  async stop(id: ProgramId): Promise<void> {
    const key = programKey(id)
    const seen = this.#programs.get(key)
    if (seen === undefined || seen.state === 'exited') return
    this.onStop()
    this.calls.push(`stop ${key}`)
    if (this.stopsAtOnce) this.end(key, { reason: 'success', exitCode: 0, atMs: this.#clock.now() })
    else this.#set(key, { ...seen, state: 'stopping' })
  }

  async forget(id: ProgramId): Promise<void> {
    this.#programs.delete(programKey(id))
  }

  /** The program ends and stays ended. */
  end(key: string, exit: ProgramExit): void {
    const seen = this.#programs.get(key)
    if (seen !== undefined)
      this.#set(key, { id: seen.id, state: 'exited', restarts: seen.restarts, lastExit: exit })
  }

  /** The program ends and the runtime has restarted it already. */
  restart(key: string, exit: ProgramExit): void {
    const seen = this.#programs.get(key)
    if (seen !== undefined) this.#run(key, seen.id, seen.restarts + 1, exit)
  }

  observe(): ReadonlyMap<string, ObservedProgram> {
    return this.#programs
  }

  running(): readonly string[] {
    return [...this.#programs].filter(([, seen]) => seen.state === 'running').map(([key]) => key)
  }

  onChange(listener: (key: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #set(key: string, seen: ObservedProgram): void {
    this.#programs.set(key, seen)
    for (const listener of this.#listeners) listener(key)
  }

  async usage(): Promise<readonly ProgramUsage[]> {
    return this.running().map((key) => ({ key, cpuMs: 0, memoryBytes: 2 ** 20 }))
  }

  async *logs(): AsyncGenerator<LogLine> {}

  async exec(_id: ProgramId, _options: ExecOptions): Promise<number> {
    return this.onExec()
  }

  async place(id: ProgramId, material: ProgramMaterial): Promise<void> {
    const key = programKey(id)
    this.onPlace()
    this.calls.push(`place ${key}`)
    this.placed.set(key, material)
  }

  async reload(id: ProgramId, signal: string): Promise<void> {
    this.calls.push(`reload ${programKey(id)} ${signal}`)
  }

  storagePath({ namespace, service, volume, ordinal }: VolumeId): string {
    return `/data/${namespace}/${service}/${volume}/${ordinal}`
  }

  async listStorage(): Promise<readonly VolumeId[]> {
    return []
  }

  async purgeStorage(volume: VolumeId): Promise<void> {
    this.purged.push(volume)
  }

  async close(): Promise<void> {}
}
