/** What a command that changes objects prints about them. */
import type { ChangeResult } from '../api/api.ts'
import { objectName } from '../views/names.ts'
import { parseFormat, printObjects } from '../views/output.ts'

export interface ReportOptions {
  /** -o, as typed: then the objects are printed instead of what happened. */
  readonly output?: string | undefined
  readonly dryRun: boolean
  /** Milliseconds since the epoch. */
  readonly nowMs: number
  /** What happened in words; the verdict where left out. */
  readonly words?: (result: ChangeResult) => string
}

/** `service/web labeled`, a line each, `(dry run)` behind it where nothing was written; or the objects in the format of -o. */
export async function reportChanges(
  results: readonly ChangeResult[],
  options: ReportOptions,
): Promise<string> {
  if (options.output !== undefined && options.output !== '') {
    const format = parseFormat(options.output)
    const groups = results.map((result) => ({ kind: result.kind, items: [result.object] }))
    return printObjects(groups, { format, nowMs: options.nowMs, single: results.length === 1 })
  }
  const suffix = options.dryRun ? ' (dry run)' : ''
  const words = options.words ?? ((result) => result.verdict)
  return results
    .map((result) => `${objectName(result.kind, result.object)} ${words(result)}${suffix}\n`)
    .join('')
}

/** Checks -o before anything is written: a wrong one must not be found out after the change. */
export function checkOutput(output: string | undefined): void {
  parseFormat(output)
}
