/**
 * The transport port: a way to one machine. It runs commands there, opens streams to what listens there, and moves files. What it stands
 * on may be this machine itself (`local`) or a connection (`ssh`); the contract is the same, and test/transport/contract.ts holds both to it.
 *
 * - A command is a program and its arguments, never a line for a shell: every argument arrives as it was given, in UTF-8.
 * - A command sees the environment of its user on that machine and what `env` adds, and nothing of this process's own environment.
 * - Arguments and `env` can be read by every user of that machine while the command runs. Secrets go through stdin or `putFile`.
 * - An AbortSignal ends what it was given to: a command and the processes that it started (its process group) get SIGKILL, and the call
 *   rejects with the signal's reason, at once.
 * - What fails because the connection ended rejects with Unreachable. Whether a command had its effect is then not known, and it may still
 *   run; nothing is repeated by itself.
 */
import type { Duplex, Readable, Writable } from 'node:stream'
import type { NsctlError } from '../core/errors.ts'

export interface Command {
  /** The program, absolute or found in the PATH of the machine's user, and its arguments. Together with `env` at most `MAX_COMMAND_BYTES`. */
  readonly argv: readonly [string, ...string[]]
  /** Variables besides the user's own. Not for secrets. */
  readonly env?: Readonly<Record<string, string>>
}

/** What a command and its variables may come to in bytes. The kernel allows about this much in one argument once it is quoted. */
export const MAX_COMMAND_BYTES = 30_000

/** How a command ended: with a status, or by a signal (`SIGKILL`). 127: there is no such program; 126: it cannot be executed. */
export interface CommandEnd {
  readonly exitCode?: number
  readonly signal?: string
}

export interface CommandResult extends CommandEnd {
  readonly stdout: Buffer
  readonly stderr: Buffer
}

export interface RunOptions {
  readonly signal: AbortSignal
  /** What the command reads; nothing where left out. What it does not read is dropped. */
  readonly stdin?: string | Uint8Array
  /** The most that it may print on stdout; 16 MiB where left out. Of stderr the last 64 KiB are kept. */
  readonly maxOutputBytes?: number
}

export const DEFAULT_MAX_OUTPUT_BYTES = 16 * 1024 * 1024
export const KEPT_STDERR_BYTES = 64 * 1024

/** A command under way. Who does not read `stdout` and `stderr` to their ends holds it up. */
export interface RunningCommand {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Settles when the command has ended and all that it printed has been read. Rejects as `run` does. */
  readonly ended: Promise<CommandEnd>
}

export type Address = { readonly host: string; readonly port: number } | { readonly socketPath: string }

export interface PutFileOptions {
  readonly signal: AbortSignal
  /** Permission bits of the new file, whatever those of an old one. */
  readonly mode: number
}

export interface GetFileOptions {
  readonly signal: AbortSignal
  /** 16 MiB where left out. */
  readonly maxBytes?: number
}

export interface Transport {
  /** For people: `local`, `ssh root@web-1:22`. */
  readonly name: string
  /**
   * Runs a command to its end, whatever its status.
   * @throws NsctlError Invalid for a command that no machine could run; TooLarge for one that is too long or prints too much, which is
   *   then killed; Unreachable
   */
  run(command: Command, options: RunOptions): Promise<CommandResult>
  /** Starts a command whose streams are the caller's. @throws as `run` does */
  spawn(command: Command, signal: AbortSignal): Promise<RunningCommand>
  /**
   * A stream to what listens at an address as the machine sees it. The signal is for the opening only; destroying the stream closes it.
   * @throws NsctlError Unreachable where nothing listens there; Denied where the machine does not allow it
   */
  connect(address: Address, signal: AbortSignal): Promise<Duplex>
  /**
   * Puts a file in place as a whole: at no moment, and whatever is cut off, is there a part of it at `path`. It is on disk before it is in
   * place. Its folder must be there. Its owner is the transport's user.
   * @throws NsctlError Failed with the machine's own words
   */
  putFile(path: string, content: string | Uint8Array, options: PutFileOptions): Promise<void>
  /**
   * A file's content; undefined where there is none.
   * @throws NsctlError Failed with the machine's own words; TooLarge
   */
  getFile(path: string, options: GetFileOptions): Promise<Buffer | undefined>
  /** Resolves once the way to the machine has ended: with why, or with undefined after `close`. Never rejects. */
  readonly ended: Promise<NsctlError | undefined>
  /** Ends the commands and streams that are under way. Idempotent. */
  close(): Promise<void>
}
