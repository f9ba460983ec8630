/** Runs a command to its end for `exec`: with this process's own input and output, with streams of somebody else's, or with a terminal for him. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { constants } from 'node:os'
import type { Writable } from 'node:stream'
import type { NsctlError } from '../core/errors.ts'
import type { ProcessStreams } from '../transport/process-streams.ts'
import { endMarked, MARK } from './marked.ts'
import type { ExecOptions } from './runtime.ts'
import { followSize, terminalCommand } from './terminal.ts'

/** Between being told to end and being ended. */
const TIDY_MS = 500

export interface BesideOptions {
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly options: ExecOptions
  /** What the command can read from its descriptor 3; nothing where left out. */
  readonly given?: string
  /** What is thrown where the program cannot be executed. */
  readonly failed: (error: Error) => NsctlError
}

/**
 * Resolves to the exit code, 128 + n where signal n ended it. On abort the command is killed, what it started as well where it has streams
 * or is quiet, and the signal's reason thrown.
 */
export async function runBeside(
  command: readonly [string, ...string[]],
  beside: BesideOptions,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted()
  const { streams, quiet } = beside.options
  if (quiet === true || streams === undefined) return await endOf(startOwn(command, beside), beside, signal)
  return await withStreams(command, beside, streams, signal)
}

/** At this process's own terminal it must stay in the terminal's group; else it has one of its own, to be ended whole. */
function startOwn(
  command: readonly [string, ...string[]],
  { env, cwd, options, given }: BesideOptions,
): Started {
  const { stdin, tty, quiet } = options
  const output = quiet === true ? 'ignore' : 'inherit'
  const child = spawn(command[0], command.slice(1), {
    ...{ env, ...(cwd === undefined ? {} : { cwd }) },
    stdio: [(stdin || tty) && quiet !== true ? 'inherit' : 'ignore', output, output, ...extraOf(given)],
    detached: quiet === true,
  })
  give(child, given)
  return { child, kill: () => (quiet === true ? killGroup(child, 'SIGKILL') : child.kill('SIGKILL')) }
}

async function withStreams(
  command: readonly [string, ...string[]],
  beside: BesideOptions,
  streams: ProcessStreams,
  signal: AbortSignal,
): Promise<number> {
  const { stdin, stdout, stderr, terminal } = streams
  const mark = randomBytes(8).toString('hex')
  const env: Record<string, string> = { ...beside.env, [MARK]: mark }
  const words = terminal === undefined ? command : terminalCommand(command, env, terminal)
  const child = spawn(words[0], words.slice(1), {
    env: terminal === undefined ? env : { ...env, SHELL: '/bin/sh' },
    ...(beside.cwd === undefined ? {} : { cwd: beside.cwd }),
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...extraOf(beside.given)],
    detached: true,
  })
  give(child, beside.given)
  child.stdout?.pipe(stdout, { end: false })
  child.stderr?.pipe(stderr, { end: false })
  if (child.stdin !== null) {
    // it may end without reading
    child.stdin.on('error', () => {})
    stdin?.pipe(child.stdin)
  }
  const stop = terminal === undefined ? undefined : followSize(child, terminal)
  const kill = () => {
    // what is half done may be cleared away
    killGroup(child, 'SIGTERM')
    // a shell's child that was just forked loses the signal: nor does it wait for input that does not come any more
    child.stdin?.destroy()
    setTimeout(() => {
      killGroup(child, 'SIGKILL')
      endMarked(mark)
    }, TIDY_MS)
  }
  try {
    return await endOf({ child, kill }, beside, signal)
  } finally {
    stop?.()
    if (child.stdin !== null) stdin?.unpipe(child.stdin)
    // what left the group, or was started while the rest was killed
    if (signal.aborted) endMarked(mark)
  }
}

function extraOf(given: string | undefined): readonly 'pipe'[] {
  return given === undefined ? [] : ['pipe']
}

function give(child: ChildProcess, given: string | undefined): void {
  if (given === undefined) return
  const extra = child.stdio[3] as Writable | null | undefined
  // it may end without reading
  extra?.on('error', () => {}).end(given)
}

interface Started {
  readonly child: ChildProcess
  readonly kill: () => void
}

function endOf({ child, kill }: Started, { failed }: BesideOptions, signal: AbortSignal): Promise<number> {
  signal.addEventListener('abort', kill, { once: true })
  if (signal.aborted) kill()
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (error) => reject(failed(error)))
    // what it left running may hold on to its output for ever
    child.once('exit', () => signal.aborted && reject(signal.reason))
    child.once('close', (code, name) => {
      if (signal.aborted) reject(signal.reason)
      else resolve(code ?? 128 + constants.signals[name ?? 'SIGKILL'])
    })
  })
  return ended.finally(() => signal.removeEventListener('abort', kill))
}

function killGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // all of it has ended
  }
}
