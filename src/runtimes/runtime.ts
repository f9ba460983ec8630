/**
 * The runtime port: keeps programs running on this machine. Its only consumer is the agent, which decides what should
 * run; a runtime starts, stops, restarts at once after a crash, limits, logs and reports.
 *
 * Contract, held by every runtime and checked by test/runtimes/contract.ts:
 * - A program is known by its id. At no moment do two processes run for one id, whatever is killed when.
 * - `start` of an id that runs with the same spec changes nothing. It resolves when the manager has accepted the program, not
 *   when it is ready; what becomes of it is seen in `observe`. Calls in the same tick share what they can (one reload). Starts may
 *   wait for each other; the signal calls off one that still does, which then rejects with the signal's reason.
 * - `stop` sends the stop signal, and SIGKILL to all that is left after the grace period. It resolves when the request is
 *   accepted; that nothing of the program runs any more is seen in `observe` (the id is gone, or `exited`). Stopping what is not there
 *   changes nothing.
 * - What runs outlives this process and is found again by the next one.
 * - `observe` holds the state as of now for every program this runtime knows, without asking the outside once it is open.
 */
import type { ProcessStreams } from '../transport/process-streams.ts'

export interface ProgramId {
  readonly namespace: string
  readonly service: string
  /** Ten characters that name the template. */
  readonly templateHash: string
  readonly ordinal: number
  /** The program's name in a group; empty where the service has one program. */
  readonly program: string
}

/** `default/web/h3kq9x2mzc/0/` — one text per id, for maps. */
export function programKey(id: ProgramId): string {
  return `${id.namespace}/${id.service}/${id.templateHash}/${id.ordinal}/${id.program}`
}

/**
 * A root, users and processes of its own. The command, `workingDir`, PATH and every path that the program is given are those inside;
 * a program without a slash is looked for in PATH there. It is root inside and nobody outside.
 */
export interface ProgramContainer {
  /** A directory of the machine that is its /, not written to. */
  readonly root?: string
  /** Directories of the machine that it sees read-only at their own places, in a root that is empty but for them. Not with `root`. */
  readonly closure?: readonly string[]
}

export interface StorageMount {
  readonly name: string
  /** Where the program sees it, if the runtime can bind it there. */
  readonly path: string
}

/** Everything that a runtime needs to run one program. Two specs with the same id differ in nothing but ordinal, ports and fencing token. */
export interface ProgramSpec {
  readonly id: ProgramId
  /** Program and arguments. The program is absolute: the agent has searched PATH and the working directory. Not so in a container. */
  readonly command: readonly [string, ...string[]]
  /** Absolute. */
  readonly workingDir: string
  /** Complete, PATH and ports included. $STORAGE_<NAME> is added by the runtime, which knows where storage lies. */
  readonly env: Readonly<Record<string, string>>
  readonly storage: readonly StorageMount[]
  readonly limits: ProgramLimits
  /** What all programs of the instance may use together; only in a group. The same for each of them. */
  readonly group?: ProgramLimits
  readonly stop: { readonly signal: string; readonly graceMs: number }
  readonly network: 'host' | 'none'
  /** It runs in a container, if the runtime can; beside the machine's other programs where left out. */
  readonly container?: ProgramContainer
  /** Names of protections that the service goes without; a runtime that has no protections ignores them. */
  readonly relax: readonly string[]
  /** Never: it runs once, and whatever its end it is not started again unless `start` says so. It is after a failure, where left out. */
  readonly restart?: 'never'
  /** It ends where `RuntimeFence` says so, and is not started before. Such a program is not restored at boot, and restarted by nobody but `start` after that. */
  readonly fenced?: true
  /** Which of what `RuntimeMaterials.place` puts in place the program gets, and how; nothing where left out. */
  readonly material?: MaterialShape
}

/** The part of a program's material that is the same for all instances of a template: names, no values. */
export interface MaterialShape {
  /** Files in $CREDENTIALS_DIRECTORY. Its own user can read them, and nobody else but root. */
  readonly credentials: readonly string[]
  /** The credentials are replaced while the program runs, and it sees the new ones. Else they are as they were at its start. */
  readonly live: boolean
  /** There are variables besides `env` whose values are secret. */
  readonly environment: boolean
  /** Folders of plain files. $CONFIG_<NAME> says where each lies; it is always live. */
  readonly folders: readonly MaterialFolder[]
  /** Credentials that the program sees at paths of its own as well, if the runtime can bind them there: path → credential. */
  readonly paths: Readonly<Record<string, string>>
}

export interface MaterialFolder {
  readonly name: string
  /** Where the program sees it as well, if the runtime can bind it there. */
  readonly path?: string
}

/** What a program is given that is on no disk. */
export interface ProgramMaterial {
  /** By name; content as it stands. */
  readonly credentials: ReadonlyMap<string, Uint8Array>
  /** Variables, by name. None of these values is in a unit, in arguments or in a file that others can read. */
  readonly environment: ReadonlyMap<string, string>
  /** Folder → file → content. */
  readonly folders: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>
}

export interface ProgramLimits {
  /** Share of the CPU under contention, in thousandths of a core (resources.cpu). */
  readonly cpuWeightMillis?: number
  /** Hard limit of CPU time, in thousandths of a core (limits.cpu). */
  readonly cpuQuotaMillis?: number
  /** Hard limit (resources.memory). */
  readonly memoryMaxBytes?: number
  readonly tasksMax?: number
}

/** How a program ended. */
export interface ProgramExit {
  /** `exit-code`, `signal`, `oom-kill`, `timeout`, `resources`, `exec` (it could not be executed at all), `lost`. */
  readonly reason:
    | 'success'
    | 'exit-code'
    | 'signal'
    | 'core-dump'
    | 'oom-kill'
    | 'timeout'
    | 'resources'
    | 'exec'
    | 'lost'
  readonly exitCode?: number
  /** `SIGKILL` */
  readonly signal?: string
  /** Wall clock, milliseconds. */
  readonly atMs: number
  /** Words of the manager where there are any. */
  readonly message?: string
}

export type ProgramState = 'starting' | 'running' | 'stopping' | 'exited'

export interface ObservedProgram {
  readonly id: ProgramId
  readonly state: ProgramState
  readonly pid?: number
  /** Wall clock, milliseconds; when the present process started. */
  readonly startedAtMs?: number
  /** Restarts that the runtime made by itself, for as long as it remembers this id. Only grows while the id is known. */
  readonly restarts: number
  /** The last time that a process of this id ended, restarted since or not. */
  readonly lastExit?: ProgramExit
}

export interface ProgramUsage {
  readonly key: string
  /** CPU time used so far by all processes of the program, in milliseconds. */
  readonly cpuMs: number
  readonly memoryBytes: number
  /**
   * Bytes read from and written to disks so far; what the page cache answered is not among them. Only where it was asked for and the machine
   * tells.
   */
  readonly io?: { readonly readBytes: number; readonly writtenBytes: number }
}

export interface UsageOptions {
  /** It costs another look at each process. */
  readonly io?: boolean
}

export interface LogLine {
  readonly id: ProgramId
  /** Wall clock, milliseconds; undefined where the runtime has no stamp for the line. */
  readonly atMs?: number
  readonly stream: 'stdout' | 'stderr' | 'manager'
  readonly text: string
}

export interface LogOptions {
  /** The last so many lines; all that is kept if left out. */
  readonly tail?: number
  readonly sinceMs?: number
  readonly follow?: boolean
  /** The process before the present one. */
  readonly previous?: boolean
}

export interface ExecOptions {
  readonly command: readonly [string, ...string[]]
  readonly tty: boolean
  readonly stdin: boolean
  /** Input and output are dropped instead of being this process's own: for probes. */
  readonly quiet?: boolean
  /** In place of this process's own. With a terminal among them the command has one, and both its outputs are `stdout`. */
  readonly streams?: ProcessStreams
}

export interface RuntimeInfo {
  /** `systemd 252 (system)`, `process`. */
  readonly description: string
  /** What of a ProgramSpec does not act here, by the spec's field names as users know them: `limits.cpu`, `storage.path`. */
  readonly cannot: readonly string[]
  /** Which runtimes besides this one a template may ask for by name here; none where left out. */
  readonly runtimes?: readonly string[]
}

/** What holds for the running of programs. Opened once per process; only one process at a time may own it (the agent). */
export interface Runtime {
  readonly name: string
  readonly info: RuntimeInfo
  start(spec: ProgramSpec, signal: AbortSignal): Promise<void>
  stop(id: ProgramId, options: { readonly graceMs: number; readonly signal: string }): Promise<void>
  /** Drops what is remembered of an id that does not run (its exit, its kept spec). Logs stay for their retention. */
  forget(id: ProgramId): Promise<void>
  observe(): ReadonlyMap<string, ObservedProgram>
  /** Calls `listener` with a program's key whenever what `observe` says of it changed. Returns the unsubscribe function. */
  onChange(listener: (key: string) => void): () => void
  /** CPU, memory and, if asked for, io of everything that runs, in one sweep. */
  usage(options?: UsageOptions): Promise<readonly ProgramUsage[]>
  close(): Promise<void>
}

/**
 * Where material lies: in memory, below a directory that only this runtime's user can enter. It outlives nsctl, so that a crash heals
 * without it, and is gone with a reboot and once its program has ended and is not wanted any more.
 */
export interface RuntimeMaterials {
  /**
   * Puts `material` in place: before the first start of `id`, and again whenever it has changed. Each file is replaced as a whole and a
   * file that is not in it is removed. A running program sees what its shape says is live. What is the same already is not written.
   */
  place(id: ProgramId, material: ProgramMaterial): Promise<void>
  /** Sends `signal` to the main process, which is to read its files again. What does not run needs none. */
  reload(id: ProgramId, signal: string): Promise<void>
}

/** Where storage lies: apart from Runtime, because it outlives every program. */
export interface RuntimeStorage {
  /** The directory of one volume of one ordinal; need not be there yet. */
  storagePath(volume: VolumeId): string
  /** Every volume that has data here. */
  listStorage(): Promise<readonly VolumeId[]>
  /** Removes a volume's data for good. What is not there is no error. */
  purgeStorage(volume: VolumeId): Promise<void>
}

export interface VolumeId {
  readonly namespace: string
  readonly service: string
  readonly volume: string
  readonly ordinal: number
}

/** What a command may do without owning the runtime. */
export interface RuntimeReader {
  logs(id: ProgramId, options: LogOptions, signal: AbortSignal): AsyncIterable<LogLine>
  /**
   * Runs a command where the program runs (its user, directory, environment and view of the machine). Resolves to its exit code, once all
   * that it printed was handed on. On abort nothing that it started is left, but for what had a terminal of this process to stay at.
   */
  exec(id: ProgramId, options: ExecOptions, signal: AbortSignal): Promise<number>
}

/** For `nsctl down`: everything this runtime left on the machine. */
export interface RuntimeCleaner {
  /** Stops every program and removes what the runtime made, storage and logs only with `purge`. Returns what it leaves, one line each. */
  removeAll(options: { readonly purge: boolean; readonly signal: AbortSignal }): Promise<readonly string[]>
}

/**
 * Ends fenced programs by itself, whatever becomes of this process: FENCE_STOP_MS after it was armed they are asked to end, and killed
 * FENCE_KILL_MS after it was, unless another arming was confirmed since. None of them runs, or is started, while none is confirmed.
 */
export interface RuntimeFence {
  /** Resolves when it is certain to happen. */
  arm(): Promise<ArmedFence>
  /** What it would end, and what was started before and may run. */
  fenced(): readonly ProgramId[]
}

export interface ArmedFence {
  /** It is this one that counts, and none that was armed before. */
  confirm(): Promise<void>
}

/** A runtime that can bring back, after a boot and without its control plane, what should run. */
export interface RuntimeRestorer {
  /**
   * Starts the desired set if that was not done since boot, but for what is fenced. Returns the ids it started. `mayStart` puts in place what
   * a program needs, and keeps back what must not run without asking first.
   */
  restore(mayStart?: (id: ProgramId) => boolean | Promise<boolean>): Promise<readonly ProgramId[]>
}
