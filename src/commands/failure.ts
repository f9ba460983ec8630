/** The boundary where errors become text, JSON and an exit code. The only place that prints them. */
import { isNsctlError, NsctlError } from '../core/errors.ts'

export interface Failure {
  readonly text: string
  readonly exitCode: number
}

const REPORT_TO = 'https://github.com/nsctl/nsctl/issues'

/** What to print for `error` on standard error, and how to exit. */
export function describeFailure(error: unknown, options: { readonly json: boolean }): Failure {
  const known = asNsctlError(error)
  if (options.json) return { text: `${JSON.stringify(known, null, 2)}\n`, exitCode: known.exitCode }
  const lines = known.issues.length > 0 ? issueLines(known) : [`error: ${known.message}`]
  if (known.next !== undefined) lines.push(known.next)
  if (known.code === 'Bug') lines.push(...bugLines(known))
  return { text: `${lines.join('\n')}\n`, exitCode: known.exitCode }
}

/** Several faults one below the other, each under its own heading; the sentence that sums them up closes. */
function issueLines(error: NsctlError): string[] {
  const lines = error.issues.map((issue) => `error: ${issue}`)
  if (!error.issues.some((issue) => issue.includes(error.message))) lines.push(error.message)
  return lines
}

function bugLines(error: NsctlError): string[] {
  const stack = error.cause instanceof Error ? error.cause.stack : error.stack
  return [
    ...(stack === undefined ? [] : [stack]),
    `this is a bug of nsctl: please report the lines above, ${REPORT_TO}`,
  ]
}

function asNsctlError(error: unknown): NsctlError {
  if (isNsctlError(error)) return error
  return new NsctlError('Bug', error instanceof Error ? error.message : String(error), { cause: error })
}
