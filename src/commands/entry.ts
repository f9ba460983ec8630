/** The process around the commands: standard streams, signals, the user. The bundle's entry. */
import { readFileSync } from 'node:fs'
import { systemClock } from '../core/clock.ts'
import { openClient, userName, VERSION } from '../main.ts'
import { runCli } from './cli.ts'
import type { CommandContext, Output } from './context.ts'

function outputOf(stream: NodeJS.WriteStream): Output {
  return {
    isTTY: stream.isTTY === true,
    get columns() {
      return stream.columns
    },
    write: (text) => void stream.write(text),
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
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
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
  // a reader that has gone (`nsctl get svc | head`) is no fault of ours: there is nobody left to tell
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  process.exitCode = await execute(process.argv.slice(2))
}
