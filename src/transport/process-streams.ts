/** What a command that runs somewhere reads and writes, where that is not this process's own. */
import type { Readable, Writable } from 'node:stream'

export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

/** The terminal that somebody sits at. */
export interface Terminal {
  /** `xterm-256color`. */
  readonly type: string
  size(): TerminalSize
  /** Returns the unsubscribe function. */
  onResize(listener: () => void): () => void
}

/** None of them is ended by what writes into it. */
export interface ProcessStreams {
  /** Nothing is read where left out. */
  readonly stdin?: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /** For a command that is to have a terminal. */
  readonly terminal?: Terminal
}
