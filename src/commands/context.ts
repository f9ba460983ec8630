/** What a command gets from the process around it, so that nothing below reads the process by itself. */
import type { Client } from '../client/client.ts'
import type { Clock } from '../core/clock.ts'
import type { Environment } from '../main/paths.ts'

export interface Output {
  readonly isTTY: boolean
  /** Columns of the terminal; undefined elsewhere. */
  readonly columns: number | undefined
  write(text: string): void
  /** As they are. */
  writeBytes(bytes: Uint8Array): void
}

export interface OpenOptions {
  /** `sqlite:/path`, `memory:`; the default of the environment if left out. */
  readonly store?: string
  /** Nothing will be written: a store that is not there is not made. */
  readonly readOnly?: boolean
  /** Where there is no store yet, an empty one in memory stands for it. */
  readonly emptyIfMissing?: boolean
  /** What the store's adapter reads; the process's environment if left out. */
  readonly env?: Environment
}

export interface CommandContext {
  readonly stdout: Output
  readonly stderr: Output
  /** Everything on standard input. */
  readStdin(): Promise<Buffer>
  readonly env: Environment
  readonly cwd: string
  readonly clock: Clock
  /** Aborts on Ctrl-C. Listening for it begins with the first use. */
  readonly signal: AbortSignal
  /** nsctl's own version. */
  readonly version: string
  /** The user's name as claimed: recorded in revisions and audit. */
  readonly userName: string
  openClient(options: OpenOptions): Promise<Client>
}
