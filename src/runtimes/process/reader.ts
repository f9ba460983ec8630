/** What commands do beside the owner: read output, run something where a program runs. */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { messageOf, NsctlError } from '../../core/errors.ts'
import type { ExecOptions, ProgramId, RuntimeReader } from '../runtime.ts'
import { programKey } from '../runtime.ts'
import { send } from './attempt.ts'
import { attemptPaths, fileNameOf, type Layout, layoutOf } from './layout.ts'
import { readLogs } from './logs.ts'
import { loadRecord } from './records.ts'
import { storageEnv } from './storage.ts'
import { MARKER } from './table.ts'

/** Reads what the runtime keeps under `stateDir`. Owns nothing, holds nothing open. */
export function openProcessReader(options: { readonly stateDir: string }): RuntimeReader {
  const layout = layoutOf(options.stateDir)
  return {
    logs: (id, logOptions, signal) => readLogs(layout, id, logOptions, signal),
    exec: (id, execOptions, signal) => execBeside(layout, id, execOptions, signal),
  }
}

/** The command belongs to the program: it ends with it, and has its directory and environment. */
async function execBeside(
  layout: Layout,
  id: ProgramId,
  options: ExecOptions,
  signal: AbortSignal,
): Promise<number> {
  const record = loadRecord(layout, fileNameOf(id))
  if (record === undefined)
    throw new NsctlError('NotFound', `${programKey(id)} does not run here`, { value: programKey(id) })
  const { spec, attempt } = record
  const { run } = attemptPaths(layout, fileNameOf(id), attempt)
  const [program, ...args] = options.command
  const quiet = options.quiet === true
  const output = quiet ? 'ignore' : 'inherit'
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: spec.workingDir,
      env: { ...spec.env, ...storageEnv(layout, spec), [MARKER]: run },
      stdio: [options.stdin || options.tty ? 'inherit' : 'ignore', output, output],
      // a group of its own, to be ended whole; one that talks to the terminal must stay in the terminal's
      detached: quiet,
    })
    const kill = () => {
      if (quiet && child.pid !== undefined) send(-child.pid, 'SIGKILL')
      else child.kill('SIGKILL')
    }
    signal.addEventListener('abort', kill, { once: true })
    if (signal.aborted) kill()
    child.on('error', (error) => {
      signal.removeEventListener('abort', kill)
      reject(
        new NsctlError('Failed', `cannot execute ${program}: ${messageOf(error)}`, {
          value: program,
          next: `see that it is in the program's PATH (${spec.env.PATH ?? 'none'})`,
          cause: error,
        }),
      )
    })
    child.on('close', (code, ended) => {
      signal.removeEventListener('abort', kill)
      if (signal.aborted) reject(signal.reason)
      else resolve(code ?? 128 + constants.signals[ended ?? 'SIGKILL'])
    })
  })
}
