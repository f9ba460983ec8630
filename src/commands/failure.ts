/** The boundary where errors become text, JSON and an exit code. The only place that prints them. */
import { isNsctlError, messageOf, NsctlError } from '../core/errors.ts'
import { harmless } from '../core/harmless.ts'

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
  // a node's words, or a program's, may be in it
  return { text: harmless(`${lines.join('\n')}\n`), exitCode: known.exitCode }
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
  return machineError(error) ?? new NsctlError('Bug', messageOf(error), { cause: error })
}

/** What this machine refuses to anybody: no bug of ours, and reporting it would help nobody. */
const REFUSALS: Readonly<Record<string, string>> = {
  EACCES: 'use a user who may, or another place ($NSCTL_HOME)',
  EPERM: 'use a user who may, or another place ($NSCTL_HOME)',
  EROFS: 'choose a place that can be written ($NSCTL_HOME)',
  ENOTDIR: 'choose another place ($NSCTL_HOME)',
  ENAMETOOLONG: 'choose a shorter place ($NSCTL_HOME)',
  ENOSPC: 'free some space on it (df -h)',
  EDQUOT: 'free some space on it (quota)',
  EIO: 'check the disk: dmesg says what is wrong with it',
  EMFILE: 'raise the limit of open files: ulimit -n',
  ENFILE: 'the machine has too many open files',
}

function machineError(error: unknown): NsctlError | undefined {
  const { code, path } = error instanceof Error ? (error as NodeJS.ErrnoException) : {}
  const next = code === undefined ? undefined : REFUSALS[code]
  if (next === undefined) return undefined
  return new NsctlError('Unreachable', messageOf(error), {
    next,
    cause: error,
    ...(path === undefined ? {} : { value: path }),
  })
}
