/** Instances that run to their end (Jobs'): when a run is over, and how it went. */
import type { Instance, InstanceProgramStatus, InstanceStatus } from '../../resources/generated/types.ts'
import type { ObservedProgram } from '../../runtimes/runtime.ts'
import type { RunEnd } from './plan.ts'
import { describeExit, type ProgramRecord } from './record.ts'

export function runsOnce({ spec }: Instance): boolean {
  return spec.restartPolicy === 'Never'
}

/**
 * How the program's run ended; undefined where it has not. What was written stays so: the runtime forgets it then. One that has run and is
 * known to nobody any more has failed, since nobody saw it succeed.
 */
export function runEndOf(
  program: ProgramRecord,
  seen: ObservedProgram | undefined,
  written: InstanceStatus | undefined,
): RunEnd | undefined {
  const known = written?.programs?.find((one) => one.name === program.name)
  if (known?.state === 'succeeded') return { succeeded: true, recorded: true }
  // what could not even be started has failed, too
  if (known?.state === 'failed' || written?.phase === 'Failed') return { succeeded: false, recorded: true }
  if (seen?.state === 'running' || seen?.state === 'starting' || seen?.state === 'stopping') return undefined
  if (seen?.lastExit !== undefined) return { succeeded: seen.lastExit.reason === 'success', recorded: false }
  return program.hasRun && seen === undefined ? { succeeded: false, recorded: false } : undefined
}

/** The state of a program whose run is over, as status says it. */
export function endedState({ succeeded }: RunEnd): InstanceProgramStatus['state'] {
  return succeeded ? 'succeeded' : 'failed'
}

export type RunPhase = 'Succeeded' | 'Failed'

/** Undefined while anything of it runs or has yet to. */
export function runPhaseOf(ends: readonly (RunEnd | undefined)[]): RunPhase | undefined {
  if (ends.some((one) => one?.succeeded === false)) return 'Failed'
  return ends.every((one) => one !== undefined) ? 'Succeeded' : undefined
}

/** Why it failed, in a line. */
export function runFailureText(program: ProgramRecord, seen: ObservedProgram | undefined): string {
  const exit = seen?.lastExit
  if (exit !== undefined && exit.reason !== 'success') return exit.message ?? describeExit(exit)
  return program.lastFailure?.message ?? 'ended while nobody looked'
}
