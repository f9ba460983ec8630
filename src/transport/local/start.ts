/** A command of this machine in a process group of its own. */
import { spawn } from 'node:child_process'
import { NsctlError } from '../../core/errors.ts'
import type { Command, CommandEnd, RunningCommand } from '../transport.ts'

/** What a user's commands find set wherever they log in. The rest of this process's environment may hold what is not for them. */
const OWN_VARIABLES = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'XDG_RUNTIME_DIR',
  'DBUS_SESSION_BUS_ADDRESS',
]

export function startCommand({ argv, env }: Command, signal: AbortSignal): RunningCommand {
  // a shell, so that a program that is not there or cannot be executed ends as it does everywhere else
  const child = spawn('/bin/sh', ['-c', 'exec "$@"', 'sh', ...argv], {
    env: { ...ownEnvironment(), ...env },
    stdio: 'pipe',
    detached: true,
  })
  const ended = new Promise<CommandEnd>((resolve, reject) => {
    const onAbort = () => {
      killGroup(child.pid)
      reject(signal.reason)
    }
    const settle = () => signal.removeEventListener('abort', onAbort)
    signal.addEventListener('abort', onAbort, { once: true })
    child.once('error', (cause) => {
      settle()
      reject(new NsctlError('Failed', `${argv[0]} cannot be started: ${cause.message}`, { cause }))
    })
    child.once('close', (code, killedBy) => {
      settle()
      resolve(killedBy === null ? { exitCode: code ?? 0 } : { signal: killedBy })
    })
  })
  // who called it off need not look at how it ended
  ended.catch(() => {})
  return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, ended }
}

function ownEnvironment(): Record<string, string> {
  const own = OWN_VARIABLES.map((name) => [name, process.env[name]] as const)
  return Object.fromEntries(own.filter((entry): entry is [string, string] => entry[1] !== undefined))
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // it has ended by itself
  }
}
