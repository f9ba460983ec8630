/** What commands and views talk to: the api in this process today, a server over HTTP later. Same interface. */
import type { Duplex } from 'node:stream'
import type { ResourceEditor, ResourceReader } from '../api/api.ts'
import type { Node } from '../resources/generated/types.ts'
import type { AnyResource, ObjectRef } from '../resources/object.ts'
import type { HistoryEntry, HistoryQuery } from '../telemetry/history/history.ts'
import type { NodeUsage } from '../telemetry/scrape/usage.ts'
import type { ProcessStreams } from '../transport/process-streams.ts'

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
  /**
   * Told when a node is lost and when it is back: then following it goes on, and without this a lost node is an error. Lines that were
   * written meanwhile come then.
   */
  readonly onNotice?: (text: string) => void
}

export interface ExecRequest {
  readonly instance: AnyResource
  readonly program?: string
  readonly command: readonly [string, ...string[]]
  readonly tty: boolean
  readonly stdin: boolean
  /** In place of this terminal's. */
  readonly streams?: ProcessStreams
}

export interface ConnectRequest {
  readonly instance: AnyResource
  /** By name or by number. */
  readonly port: string | number
}

export interface Client extends ResourceReader, ResourceEditor {
  /** How users name the store that this talks to. */
  readonly storeUrl: string
  daemon(): Promise<DaemonState>
  logs(request: LogRequest, signal: AbortSignal): AsyncIterable<LogEntry>
  /** Runs a command beside the program, with this terminal's input and output. Resolves to its exit code. */
  exec(request: ExecRequest, signal: AbortSignal): Promise<number>
  /** A connection to a port of an instance, on whichever node. The signal is for opening it. */
  connect(request: ConnectRequest, signal: AbortSignal): Promise<Duplex>
  /** Decisions and samples of a scaler, newest first: as far as this machine or the store knows of them. */
  scalerHistory(query: HistoryQuery): Promise<readonly HistoryEntry[]>
  /** What nodes and their instances use now, by the nodes' names. Looks twice at first, a second apart. */
  usage(nodes: readonly Node[], signal: AbortSignal): Promise<ReadonlyMap<string, NodeUsage>>
  /** `web-0` is understood as the current instance of that ordinal. */
  resolveInstance(ref: ObjectRef): Promise<AnyResource | undefined>
  close(): Promise<void>
}
