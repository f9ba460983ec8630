/** What the shim's files say of how a program ended. Pure. */
import { constants } from 'node:os'
import type { ProgramExit } from '../runtime.ts'

/** The shim's own status where it could not claim its attempt (EX_TEMPFAIL). */
export const UNCLAIMED = 75

export interface ExitFacts {
  /** The exit file's text. */
  readonly text: string
  readonly atMs: number
  /** The program could not be executed: the shim wrote so. */
  readonly refused: boolean
  /** The path that should have been executed. */
  readonly program: string
}

/** True where the shim has written all of its exit file. */
export function isWhole(exitText: string): boolean {
  return exitText.endsWith('\n')
}

/**
 * How the program ended. sh gives a status beyond 128 both for a signal and for a program that exits with such a number;
 * it prints a word about the former, except for SIGINT and SIGPIPE, which are taken for signals here.
 */
export function parseExit({ text, atMs, refused, program }: ExitFacts): ProgramExit {
  const match = /^(\d+) (.*)\n$/.exec(text)
  if (match === null) return { reason: 'lost', atMs, message: 'its exit status cannot be read' }
  const status = Number(match[1])
  const said = match[2] ?? ''
  if (refused) return { reason: 'exec', exitCode: status, atMs, message: `cannot execute ${program}` }
  if (status === 0) return { reason: 'success', exitCode: 0, atMs }
  const signal = signalName(status - 128)
  if (signal === undefined || (said === '' && signal !== 'SIGINT' && signal !== 'SIGPIPE'))
    return { reason: 'exit-code', exitCode: status, atMs }
  return { reason: said.includes('core dumped') ? 'core-dump' : 'signal', signal, atMs }
}

/** How the program ended that was asked to: by the stop signal is well, by SIGKILL once its grace period was over is not. */
export function exitOfStop(
  exit: ProgramExit,
  stop: { readonly signal: string; readonly wasOver: boolean },
): ProgramExit {
  if (exit.reason === 'signal' && exit.signal === 'SIGKILL' && stop.wasOver && stop.signal !== 'SIGKILL')
    return { ...exit, reason: 'timeout', message: 'did not end within its grace period' }
  if (exit.reason === 'signal' && exit.signal === stop.signal) return { ...exit, reason: 'success' }
  return exit
}

function signalName(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0]
}
