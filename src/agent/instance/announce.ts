/** What happens to an instance, as events. Pure. */
import type { InstanceStatus } from '../../resources/generated/types.ts'
import { describeExit, type Noted, type Obstacle, type ProgramRecord } from './record.ts'

export interface InstanceEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/** Which probe has a program ended for that reason. */
const PROBES: Readonly<Record<string, string>> = { LivenessFailed: 'liveness', StartupFailed: 'startup' }

export function announceStart(program: ProgramRecord): InstanceEvent {
  return { type: 'Normal', reason: 'Started', message: `started${of(program)}` }
}

export function announceEnd(program: ProgramRecord, noted: Noted): InstanceEvent | undefined {
  const failure = program.lastFailure
  const probe = failure?.reason === undefined ? undefined : PROBES[failure.reason]
  if (noted.ended !== undefined && probe !== undefined) {
    const message = `${subject(program)}was ended because its ${probe} probe failed: ${failure?.message}`
    return { type: 'Warning', reason: 'Unhealthy', message }
  }
  if (noted.ended?.reason === 'success') {
    return { type: 'Warning', reason: 'Ended', message: `${subject(program)}${describeExit(noted.ended)}` }
  }
  if (failure === undefined) return undefined
  const then = noted.ended === undefined ? 'was restarted at once' : 'will be started again after a while'
  return {
    type: 'Warning',
    reason: noted.ended === undefined ? (failure.reason ?? 'Error') : 'CrashLoop',
    message: `${subject(program)}${failure.message}; ${then}`,
  }
}

/** A program that runs once has ended. */
export function announceRun(program: ProgramRecord, { ended }: Noted): InstanceEvent | undefined {
  if (ended === undefined) return undefined
  if (ended.reason === 'success')
    return { type: 'Normal', reason: 'Completed', message: `${subject(program)}ended with 0` }
  const message = `${subject(program)}${program.lastFailure?.message ?? describeExit(ended)}`
  return { type: 'Warning', reason: 'Failed', message }
}

export function announceObstacle(obstacle: Obstacle): InstanceEvent {
  return { type: 'Warning', reason: obstacle.reason, message: obstacle.message }
}

export function announceReady(status: InstanceStatus): InstanceEvent {
  const where = status.portsText === undefined ? '' : ` on port ${status.portsText}`
  return { type: 'Normal', reason: 'Ready', message: `ready${where}` }
}

function subject(program: ProgramRecord): string {
  return program.name === '' ? '' : `${program.name} `
}

function of(program: ProgramRecord): string {
  return program.name === '' ? '' : ` ${program.name}`
}
