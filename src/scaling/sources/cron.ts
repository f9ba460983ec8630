/** So many instances from one time to another, as KEDA's cron: outside of its window it asks for one, and is not active. */
import { messageOf, NsctlError } from '../../core/errors.ts'
import { parseSchedule, type Schedule } from '../../resources/schedule.ts'
import type { ReadParameters } from '../../resources/triggers/schema.ts'
import type { Source, SourceType } from '../source.ts'

const OUTSIDE = 1

export const cron: SourceType = {
  types: ['cron'],
  open({ parameters }, { clock }): Source {
    const [start, end] = [scheduleOf(parameters, 'start'), scheduleOf(parameters, 'end')]
    const desired = parameters.number('desiredReplicas')
    if (desired === undefined)
      throw new NsctlError('Invalid', 'desiredReplicas is missing', { value: 'desiredReplicas' })
    return {
      async measure(signal) {
        signal.throwIfAborted()
        const active = isWithin(start, end, clock.now())
        const value = active ? desired : OUTSIDE
        return { kind: 'values', metrics: [{ name: '', value, target: 1 }], active }
      },
      close: async () => {},
    }
  },
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
