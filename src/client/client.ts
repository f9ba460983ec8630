/** What commands and views talk to: the api in this process today, a server over HTTP later. Same interface. */
import type { ResourceEditor, ResourceReader } from '../api/api.ts'
import type { AnyResource, ObjectRef } from '../resources/object.ts'
import type { HistoryEntry, HistoryQuery } from '../telemetry/history/history.ts'

/** Whether somebody acts on what is stored. */
export interface DaemonState {
  readonly running: boolean
  /** It has just started and not yet looked at all that is stored: status may be from before. */
  readonly catchingUp?: boolean
  /** It runs where this process cannot see it, on another machine or before a restart of this container: it may have died lately. */
  readonly isHearsay?: boolean
  readonly pid?: number
  readonly host?: string
  /** `process`, `systemd 252 (system)`. */
  readonly runtime?: string
  readonly version?: string
  /** When it was last heard of, milliseconds since the epoch. */
  readonly lastSeenMs?: number
}

export interface LogEntry {
  /** The instance's name. */
  readonly instance: string
  /** The program in a group, else empty. */
  readonly program: string
  readonly atMs?: number
  readonly stream: 'stdout' | 'stderr' | 'manager'
  readonly text: string
}

export interface LogRequest {
  readonly instances: readonly AnyResource[]
  readonly program?: string
  readonly tail?: number
  readonly sinceMs?: number
  readonly follow?: boolean
  readonly previous?: boolean
}

export interface ExecRequest {
  readonly instance: AnyResource
  readonly program?: string
  readonly command: readonly [string, ...string[]]
  readonly tty: boolean
  readonly stdin: boolean
}

export interface Client extends ResourceReader, ResourceEditor {
  /** How users name the store that this talks to. */
  readonly storeUrl: string
  daemon(): Promise<DaemonState>
  logs(request: LogRequest, signal: AbortSignal): AsyncIterable<LogEntry>
  /** Runs a command beside the program, with this terminal's input and output. Resolves to its exit code. */
  exec(request: ExecRequest, signal: AbortSignal): Promise<number>
  /** Decisions and samples of a scaler, newest first: as far as this machine or the store knows of them. */
  scalerHistory(query: HistoryQuery): Promise<readonly HistoryEntry[]>
  /** `web-0` is understood as the current instance of that ordinal. */
  resolveInstance(ref: ObjectRef): Promise<AnyResource | undefined>
  close(): Promise<void>
}
