/** Times of day for messages. */

const SLOT_MS = 900_000
const DAY_MS = 86_400_000

/**
 * `12:23:40` in `timezone` (UTC where there is no such zone). Zones change their offset at quarters of an hour only, so that it is asked for once a
 * quarter: asking costs more than all of a decision.
 */
export function timeOfDay(timezone: string): (wallMs: number) => string {
  const zone = openZone(timezone)
  let slot = Number.NaN
  let offsetMs = 0
  return (wallMs) => {
    const asked = Math.floor(wallMs / SLOT_MS)
    if (asked !== slot) {
      slot = asked
      offsetMs = zone === undefined ? 0 : offsetOf(zone, asked * SLOT_MS)
    }
    return clock(wallMs + offsetMs)
  }
}

function openZone(timezone: string): Intl.DateTimeFormat | undefined {
  if (timezone === 'UTC') return undefined
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
  } catch {
    return undefined
  }
}

function offsetOf(zone: Intl.DateTimeFormat, wallMs: number): number {
  const [hour = 0, minute = 0, second = 0] = zone.format(wallMs).split(':').map(Number)
  const local = ((hour * 60 + minute) * 60 + second) * 1000
  return local - (((wallMs % DAY_MS) + DAY_MS) % DAY_MS)
}

function clock(localMs: number): string {
  const seconds = Math.floor((((localMs % DAY_MS) + DAY_MS) % DAY_MS) / 1000)
  const two = (count: number) => (count < 10 ? `0${count}` : `${count}`)
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
}
