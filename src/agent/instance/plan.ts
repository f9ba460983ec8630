/** What to do about each program of an instance, from what is wanted and what is seen. Pure. */
import type { ProgramState } from '../../runtimes/runtime.ts'

export interface ProgramView {
  readonly name: string
  /** Undefined where the runtime does not know it. */
  readonly state: ProgramState | undefined
  /** Monotonic milliseconds before which it must not be started. */
  readonly notBeforeMs: number
  readonly unhealthy: boolean
  /** Of what runs once: how its run ended; undefined while it may still run or has not begun. */
  readonly ended?: RunEnd
}

/** `recorded`: the store knows, so the runtime need not remember it. */
export interface RunEnd {
  readonly succeeded: boolean
  readonly recorded: boolean
}

export type ProgramAction =
  | { readonly kind: 'start'; readonly name: string }
  /** End it, and start it again when it has ended. */
  | { readonly kind: 'restart'; readonly name: string }
  | { readonly kind: 'stop'; readonly name: string }
  | { readonly kind: 'forget'; readonly name: string }

export interface InstancePlan {
  readonly actions: readonly ProgramAction[]
  /** Nothing of the instance runs, and nothing ever will. */
  readonly stopped: boolean
  /** Look again after so many milliseconds: a backoff ends. */
  readonly waitMs: number | undefined
}

export function planInstance(
  deleting: boolean,
  programs: readonly ProgramView[],
  nowMs: number,
): InstancePlan {
  if (deleting) return planEnd(programs)
  const actions: ProgramAction[] = []
  let waitMs: number | undefined
  const hasFailed = programs.some(({ ended }) => ended?.succeeded === false)
  for (const program of programs) {
    if (program.ended !== undefined || hasFailed) {
      actions.push(...planOver(program))
      continue
    }
    if (program.state === 'running' || program.state === 'starting') {
      if (program.unhealthy) actions.push({ kind: 'restart', name: program.name })
      continue
    }
    if (program.state === 'stopping') continue
    const restMs = program.notBeforeMs - nowMs
    if (restMs > 0) waitMs = Math.min(waitMs ?? restMs, restMs)
    else actions.push({ kind: 'start', name: program.name })
  }
  return { actions, stopped: false, waitMs }
}

/** A run that is over: nothing is started again, and what another program's failure leaves behind is ended. */
function planOver({ name, state, ended }: ProgramView): readonly ProgramAction[] {
  if (state === 'running' || state === 'starting') return [{ kind: 'stop', name }]
  return state === 'exited' && ended?.recorded === true ? [{ kind: 'forget', name }] : []
}

/** A stop is asked for again at every look: the runtime may have been told by an agent that is no more. */
function planEnd(programs: readonly ProgramView[]): InstancePlan {
  const running = programs.filter((one) => one.state !== undefined && one.state !== 'exited')
  const exited = programs.filter((one) => one.state === 'exited')
  return {
    actions: [
      ...running.map((one) => ({ kind: 'stop' as const, name: one.name })),
      ...exited.map((one) => ({ kind: 'forget' as const, name: one.name })),
    ],
    stopped: running.length === 0,
    waitMs: undefined,
  }
}
