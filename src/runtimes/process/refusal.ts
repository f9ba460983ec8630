/** A command beside a program that cannot be executed: it ends as a shell would end it. */
import { existsSync } from 'node:fs'
import { messageOf, NsctlError } from '../../core/errors.ts'
import { harmless } from '../../core/harmless.ts'
import type { ExecOptions, ProgramSpec } from '../runtime.ts'

/** POSIX, 2.8.2: what is not found, and what was found and cannot be executed. */
const NOT_FOUND = 127
const NOT_EXECUTABLE = 126

const EXIT_CODES: Readonly<Record<string, number>> = {
  ENOENT: NOT_FOUND,
  ENOTDIR: NOT_FOUND,
  EACCES: NOT_EXECUTABLE,
  EPERM: NOT_EXECUTABLE,
  ENOEXEC: NOT_EXECUTABLE,
}

interface Refusal {
  readonly exitCode: number
  /** One sentence that names the program. */
  readonly why: string
}

export function notStarted({ command: [program] }: ExecOptions, spec: ProgramSpec, cause: Error): NsctlError {
  const { workingDir } = spec
  if (!existsSync(workingDir))
    return new NsctlError('Failed', `${program} cannot be executed: ${workingDir} is not there`, {
      value: workingDir,
      next: "that is the program's working directory, in which it would run",
      cause,
    })
  return new NsctlError('Failed', `${program} cannot be executed: ${messageOf(cause)}`, {
    value: program,
    cause,
  })
}

/** Undefined where `error` says something else than that the command itself is not there, or cannot be executed. */
export function refusalOf(error: unknown, program: string, workingDir: string): Refusal | undefined {
  const { code = '' } = causeOf(error)
  const exitCode = EXIT_CODES[code]
  // what is missing may as well be the folder
  if (exitCode === undefined || !existsSync(workingDir)) return undefined
  const isPath = program.includes('/')
  if (exitCode === NOT_EXECUTABLE) return { exitCode, why: harmless(`${program}: cannot be executed`) }
  return {
    exitCode,
    why: harmless(isPath ? `${program}: not found` : `${program}: not found in the program's PATH`),
  }
}

/** Some of what spawn cannot do it throws at once, bare. */
function causeOf(error: unknown): NodeJS.ErrnoException {
  const cause = error instanceof NsctlError ? error.cause : error
  return cause instanceof Error ? cause : new Error()
}

/** On the command's standard error. */
export function tell({ streams, quiet }: ExecOptions, text: string): Promise<void> {
  if (quiet === true) return Promise.resolve()
  const { stderr } = streams ?? process
  // whoever does not read any more need not be told
  return new Promise((resolve) => stderr.write(text, () => resolve()))
}
