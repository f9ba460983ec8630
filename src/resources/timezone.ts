/** What a clock on the wall shows in a timezone. */
import { NsctlError } from '../core/errors.ts'

export interface WallTime {
  readonly year: number
  /** From 1. */
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  /** `mon` … `sun` */
  readonly weekday: string
}

/** Throws Invalid where there is no such timezone (IANA's names; a few spellings of theirs are old and still known). */
export function checkTimezone(timezone: string): void {
  zoneFormat(timezone)
}

/**
 * Reads the wall clock in one timezone. Keeps the last minute that it was asked for: policies ask many times for the same one, and asking
 * Intl costs microseconds.
 */
export function zoneClock(timezone: string): (wallMs: number) => WallTime {
  const format = zoneFormat(timezone)
  let minute = Number.NaN
  let time: WallTime | undefined
  return (wallMs) => {
    const asked = Math.floor(wallMs / 60_000)
    if (time === undefined || asked !== minute) {
      time = readParts(format, asked * 60_000)
      minute = asked
    }
    return time
  }
}

function readParts(format: Intl.DateTimeFormat, wallMs: number): WallTime {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {}
  for (const { type, value } of format.formatToParts(wallMs)) parts[type] = value
  return {
    year: Number(parts.year),
    month: Number(parts.month),
    day: Number(parts.day),
    hour: Number(parts.hour),
    minute: Number(parts.minute),
    weekday: parts.weekday!.toLowerCase(),
  }
}

function zoneFormat(timezone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      calendar: 'iso8601',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      weekday: 'short',
    })
  } catch {
    throw new NsctlError('Invalid', `no timezone "${timezone}"`, {
      value: timezone,
      next: 'write one of IANA’s names: UTC, Europe/Berlin, America/New_York',
    })
  }
}
