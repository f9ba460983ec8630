/** What commands do beside the owner: read output, run something where a program runs. */
import { readFileSync } from 'node:fs'
import { NsctlError } from '../../core/errors.ts'
import { runBeside } from '../beside.ts'
import type { ExecOptions, ProgramId, ProgramSpec, RuntimeReader } from '../runtime.ts'
import { programKey } from '../runtime.ts'
import { attemptPaths, fileNameOf, type Layout, layoutOf } from './layout.ts'
import { readLogs } from './logs.ts'
import { materialVariables } from './materials.ts'
import { openProcessTable } from './platform.ts'
import { loadRecord } from './records.ts'
import { notStarted, refusalOf, tell } from './refusal.ts'
import { parseClaim } from './shim.ts'
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

/** What runs of the program, by its record, its claim and the machine's processes. */
function findRunning(layout: Layout, id: ProgramId): { readonly spec: ProgramSpec; readonly run: string } {
  const record = loadRecord(layout, fileNameOf(id))
  if (record?.stage === 'live') {
    const { run, claim } = attemptPaths(layout, fileNameOf(id), record.attempt)
    const by = parseClaim(readOrNothing(claim))
    const table = openProcessTable()
    if (typeof by === 'object' && by.bootId === table.bootId && table.isAlive(by))
      return { spec: record.spec, run }
  }
  const name = `${id.service}-${id.ordinal}`
  throw new NsctlError('NotFound', `${name} does not run, so nothing can be run beside it`, {
    value: programKey(id),
    next: `see: nsctl describe instance/${name}`,
  })
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** The command belongs to the program: it ends with it, and has its directory and environment. */
async function execBeside(
  layout: Layout,
  id: ProgramId,
  options: ExecOptions,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted()
  const { spec, run } = findRunning(layout, id)
  try {
    return await runBeside(
      options.command,
      {
        cwd: spec.workingDir,
        env: { ...spec.env, ...storageEnv(layout, spec), ...materialVariables(layout, spec), [MARKER]: run },
        options,
        failed: (cause) => notStarted(options, spec, cause),
      },
      signal,
    )
  } catch (error) {
    const refusal = refusalOf(error, options.command[0], spec.workingDir)
    if (refusal === undefined) throw error
    await tell(options, `${refusal.why}\n`)
    return refusal.exitCode
  }
}
