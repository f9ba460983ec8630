/** The process around the commands: standard streams, signals, the user. The bundle's entry. */
import { readFileSync, writeSync } from 'node:fs'
import { systemClock } from '../core/clock.ts'
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

function processContext(): CommandContext {
  let signal: AbortSignal | undefined
  return {
    stdout: outputOf(1),
    stderr: outputOf(2),
    readStdin: async () => readFileSync(0),
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
    openClient: (options) => openClient({ ...options, env: process.env, clock: systemClock }),
  }
}

/** Runs one command line with this process's streams. Resolves to the exit code. */
export function execute(argv: readonly string[]): Promise<number> {
  return runCli(argv, processContext())
}

/** The executable. */
export async function main(): Promise<void> {
  process.exitCode = await execute(process.argv.slice(2))
}
