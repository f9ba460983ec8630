/** The process around the commands: standard streams, signals, the user. The bundle's entry. */
import { writeSync } from 'node:fs'
import { systemClock } from '../core/clock.ts'
import { NsctlError } from '../core/errors.ts'
import { openClient, userName, VERSION } from '../main.ts'
import { runCli } from './cli.ts'
import type { CommandContext, Output } from './context.ts'

/** Writes at once and as a whole. Node's own stream is built only where somebody asks about the terminal. */
function outputOf(fd: 1 | 2): Output {
  const stream = () => (fd === 1 ? process.stdout : process.stderr)
  return {
    get isTTY() {
      return stream().isTTY === true
    },
    get columns() {
      return stream().columns
    },
    write: (text) => writeAll(fd, Buffer.from(text)),
    writeBytes: (bytes) => writeAll(fd, bytes),
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      // somebody made the pipe non-blocking and its reader is slow
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}

/** Ctrl-C aborts what listens; where nothing does yet, or at the second time, it ends the process at once. */
function interruptSignal(): AbortSignal {
  const controller = new AbortController()
  process.on('SIGINT', () => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
  })
  return controller.signal
}

/** More than that is no manifest, and an endless stream must not fill the memory. */
const MAX_STDIN_BYTES = 64 * 1024 * 1024

async function readAll(stream: NodeJS.ReadStream, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  const { addAbortSignal } = await import('node:stream')
  for await (const chunk of addAbortSignal(signal, stream)) {
    bytes += chunk.length
    if (bytes > MAX_STDIN_BYTES)
      throw new NsctlError('TooLarge', 'standard input has more than 64 MiB', { next: 'name files with -f' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function processContext(): CommandContext {
  let signal: AbortSignal | undefined
  return {
    stdout: outputOf(1),
    stderr: outputOf(2),
    readStdin() {
      return readAll(process.stdin, this.signal)
    },
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    get signal() {
      signal ??= interruptSignal()
      return signal
    },
    version: VERSION,
    get userName() {
      return userName(process.env)
    },
    openClient: (options) => openClient({ env: process.env, ...options, clock: systemClock }),
  }
}

/** Runs one command line with this process's streams. Resolves to the exit code. */
export function execute(argv: readonly string[]): Promise<number> {
  return runCli(argv, processContext())
}

/** The executable. */
export async function main(): Promise<void> {
  const code = await execute(process.argv.slice(2))
  // everything is closed and written by now; taking the heap down in order would only take time
  process.exit(code)
}
