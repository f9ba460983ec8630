/** Runs a started command to its end and keeps what it prints, within bounds. */
import type { Readable } from 'node:stream'
import { NsctlError } from '../core/errors.ts'
import {
  type Command,
  type CommandResult,
  DEFAULT_MAX_OUTPUT_BYTES,
  KEPT_STDERR_BYTES,
  type RunningCommand,
  type RunOptions,
} from './transport.ts'

/** How a transport's `run` follows from its `spawn`. */
export async function runToEnd(
  spawn: (command: Command, signal: AbortSignal) => Promise<RunningCommand>,
  command: Command,
  { signal, stdin, maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES }: RunOptions,
): Promise<CommandResult> {
  const tooMuch = new AbortController()
  const running = await spawn(command, AbortSignal.any([signal, tooMuch.signal]))
  const stdout = keep(running.stdout, maxOutputBytes, () =>
    tooMuch.abort(
      new NsctlError('TooLarge', `${command.argv[0]} printed more than ${maxOutputBytes} bytes`, {
        value: maxOutputBytes,
      }),
    ),
  )
  const stderr = keepLast(running.stderr, KEPT_STDERR_BYTES)
  // a program need not read what it is given
  running.stdin.on('error', () => {})
  running.stdin.end(stdin)
  const end = await running.ended
  return { ...end, stdout: stdout(), stderr: stderr() }
}

function keep(stream: Readable, maxBytes: number, onTooMuch: () => void): () => Buffer {
  const chunks: Buffer[] = []
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= maxBytes) chunks.push(chunk)
    else onTooMuch()
  })
  return () => Buffer.concat(chunks)
}

function keepLast(stream: Readable, maxBytes: number): () => Buffer {
  let kept: Buffer = Buffer.alloc(0)
  stream.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]).subarray(-maxBytes)
  })
  return () => kept
}
