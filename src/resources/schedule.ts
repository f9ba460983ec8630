/** Times that a cron expression names, in a timezone. */
import { Cron } from 'croner'
import { NsctlError } from '../core/errors.ts'
import { checkTimezone } from './timezone.ts'

export interface Schedule {
  readonly text: string
  readonly timezone: string
  /** The last time at or before `wallMs`; undefined where there was none. */
  previous(wallMs: number): number | undefined
  /** The first time after `wallMs`. */
  next(wallMs: number): number | undefined
}

const ZONE_PREFIX = /^(?:CRON_TZ|TZ)=(\S+)\s+/
const NICKNAMES = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'])
/** What is asked whether a time comes at all. */
const SOME_DAY = Date.UTC(2024, 0, 1)

/**
 * Five fields (minute, hour, day of the month, month, day of the week) with names, lists, ranges and steps, or a nickname (`@daily`); what the cron
 * library of KEDA takes, but for `@every`. A `CRON_TZ=` before them replaces `timezone`. Where days of the month and of the week are both
 * named, either will do.
 *
 * Where clocks are put forward, a time in the gap is its end; where they are put back, a time that comes twice is its first. That goes for
 * minutes and hours that are named; those of `*` and of steps go on with the time that passes: `0 * * * *` is every 60 minutes.
 *
 * Throws NsctlError Invalid.
 */
export function parseSchedule(text: string, timezone = 'UTC'): Schedule {
  const prefix = ZONE_PREFIX.exec(text.trim())
  const zone = prefix?.[1] ?? timezone
  const pattern = text.trim().slice(prefix?.[0].length ?? 0)
  checkTimezone(zone)
  checkShape(pattern, text)
  const cron = openCron(pattern, zone, text)
  if (cron.nextRun(new Date(SOME_DAY)) === null)
    throw new NsctlError('Invalid', `the schedule "${text}" names a day that never comes`, { value: text })
  return Object.freeze({ text, timezone: zone, ...remembered(cron) })
}

function checkShape(pattern: string, text: string): void {
  const refuse = (why: string, next: string) =>
    new NsctlError('Invalid', `schedule "${text}": ${why}`, { value: text, next })
  if (pattern.startsWith('@')) {
    if (NICKNAMES.has(pattern.toLowerCase())) return
    throw refuse(`no nickname ${pattern.slice(0, 20)}`, `there are ${[...NICKNAMES].join(', ')}`)
  }
  const count = pattern.split(/\s+/).filter(Boolean).length
  if (count !== 5)
    throw refuse(
      `${count} fields instead of five`,
      'write minute, hour, day of the month, month, day of the week: 0 8 * * 1-5',
    )
}

function openCron(pattern: string, timezone: string, text: string): Cron {
  try {
    return new Cron(pattern.replaceAll('?', '*'), {
      timezone,
      mode: pattern.startsWith('@') ? 'auto' : '5-part',
      paused: true,
      sloppyRanges: true,
      fixedTimeRule: 'no-wildcard',
    })
  } catch (cause) {
    const why =
      cause instanceof Error ? cause.message.replace(/^CronPattern: (Syntax error, )?/, '') : String(cause)
    throw new NsctlError('Invalid', `schedule "${text}": ${why}`, {
      value: text,
      next: 'write minute, hour, day of the month, month, day of the week: 0 8 * * 1-5',
      cause,
    })
  }
}

/** Both questions, with the window between two times kept: whoever asks at each poll computes once for each time. */
function remembered(cron: Cron): Pick<Schedule, 'previous' | 'next'> {
  let window:
    | { readonly from: number; readonly to: number; previous: number | undefined; next: number | undefined }
    | undefined
  const at = (wallMs: number) => {
    if (window !== undefined && window.from <= wallMs && wallMs < window.to) return window
    // It counts in whole seconds, and looks for what is before.
    const previous = cron.previousRuns(1, new Date(Math.floor(wallMs / 1000) * 1000 + 1000))[0]?.getTime()
    const next = cron.nextRun(new Date(wallMs))?.getTime()
    window = { from: previous ?? wallMs, to: next ?? wallMs + 1, previous, next }
    return window
  }
  return { previous: (wallMs) => at(wallMs).previous, next: (wallMs) => at(wallMs).next }
}
