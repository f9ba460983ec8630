/** What KEDA's cron trigger says at any time: it needs nothing but the clock, so that a trial knows it as well as the source does. */
import { messageOf, NsctlError } from '../core/errors.ts'
import { parseSchedule, type Schedule } from '../resources/schedule.ts'
import type { ReadParameters } from '../resources/triggers/schema.ts'
import type { ValueReading } from './source.ts'

const OUTSIDE = 1

/** Throws Invalid, with the parameter's name in `value`, for what is no schedule or is missing. */
export function cronWindow(parameters: ReadParameters): (wallMs: number) => ValueReading {
  const [start, end] = [scheduleOf(parameters, 'start'), scheduleOf(parameters, 'end')]
  const desired = parameters.number('desiredReplicas')
  if (desired === undefined)
    throw new NsctlError('Invalid', 'desiredReplicas is missing', { value: 'desiredReplicas' })
  return (wallMs) => {
    const active = isWithin(start, end, wallMs)
    return { kind: 'values', metrics: [{ name: '', value: active ? desired : OUTSIDE, target: 1 }], active }
  }
}

/** Within it where the end comes before the next start. A window whose end has no more times goes on, as it has begun. */
function isWithin(start: Schedule, end: Schedule, wallMs: number): boolean {
  const [nextStart, nextEnd] = [start.next(wallMs), end.next(wallMs)]
  if (nextEnd === undefined) return start.previous(wallMs) !== undefined
  return nextStart === undefined || nextEnd <= nextStart
}

function scheduleOf(parameters: ReadParameters, name: 'start' | 'end'): Schedule {
  try {
    return parseSchedule(parameters.text(name) ?? '', parameters.text('timezone'))
  } catch (cause) {
    throw new NsctlError('Invalid', `${name}: ${messageOf(cause)}`, { value: name, cause })
  }
}
