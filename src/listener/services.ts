/**
 * What an agent does for callers on other machines: the port that the listener calls. It is about Instances of that node and nothing
 * else; who may call at all is the listener's business, whose Instances he may touch is decided here.
 */
import type { Duplex } from 'node:stream'
import type { Caller } from '../core/caller.ts'
import type { ProcessStreams, TerminalSize } from '../transport/process-streams.ts'

export interface MetricsAnswer {
  readonly type: string
  /** To be gone through once. */
  readonly pieces: AsyncIterable<string>
}

export interface InstanceRef {
  readonly namespace: string
  /** The Instance's name. */
  readonly instance: string
}

export interface LogsQuestion extends InstanceRef {
  /** The first of a group's where left out. */
  readonly program?: string
  readonly tail?: number
  readonly sinceMs?: number
  readonly follow?: boolean
  readonly previous?: boolean
}

export interface LogRecord {
  readonly atMs?: number
  readonly stream: 'stdout' | 'stderr' | 'manager'
  readonly text: string
}

export interface ExecQuestion extends InstanceRef {
  /** The first of a group's where left out. */
  readonly program?: string
  readonly command: readonly [string, ...string[]]
  readonly stdin: boolean
  /** Given where the command is to have a terminal. */
  readonly terminal?: TerminalSize & { readonly type: string }
}

export interface ConnectQuestion extends InstanceRef {
  /** By name or by number: one that the Instance has. */
  readonly port: string | number
}

/** What may be asked over a channel. */
export type Question =
  | ({ readonly kind: 'logs' } & LogsQuestion)
  | ({ readonly kind: 'exec' } & ExecQuestion)
  | ({ readonly kind: 'connect' } & ConnectQuestion)

/** Each rejects with NsctlErrors whose words are for the caller: Denied, NotFound, Unreachable … */
export interface NodeServices {
  /** All of the node's metrics, or those of these names. */
  metrics(caller: Caller, names: readonly string[]): Promise<MetricsAnswer>
  logs(caller: Caller, question: LogsQuestion, signal: AbortSignal): AsyncIterable<LogRecord>
  /** Resolves to the exit code. Once `signal` aborts nothing of the command runs on. */
  exec(caller: Caller, question: ExecQuestion, streams: ProcessStreams, signal: AbortSignal): Promise<number>
  /** A connection to one of an Instance's ports. */
  connect(caller: Caller, question: ConnectQuestion, signal: AbortSignal): Promise<Duplex>
}
