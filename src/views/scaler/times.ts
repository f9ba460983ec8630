/** Times of day in a scaler's own timezone: that of its schedules and of what its decisions say. */
import { NsctlError } from '../../core/errors.ts'
import { parseDurationMs } from '../../core/quantity.ts'

const DAY_MS = 24 * 3_600_000
const CLOCK = /^(\d{1,2}):(\d\d)(?::(\d\d))?$/

export class ZoneTimes {
  readonly zone: string
  readonly #nowMs: number
  readonly #format: Intl.DateTimeFormat

  /** A zone that there is not counts as UTC. */
  constructor(zone: string, nowMs: number) {
    this.#nowMs = nowMs
    const format = (timeZone: string) =>
      new Intl.DateTimeFormat('en-GB', { dateStyle: 'short', timeStyle: 'medium', timeZone })
    try {
      this.#format = format(zone)
      this.zone = zone
    } catch {
      this.#format = format('UTC')
      this.zone = 'UTC'
    }
  }

  /** `12:18:40`; `2026-11-20 12:18:40` where that is another day than now. */
  text(atMs: number): string {
    const [day, time] = this.#parts(atMs)
    return day === this.#parts(this.#nowMs)[0] ? time : `${day} ${time}`
  }

  /** True where this process's own clock shows other times. */
  isForeign(): boolean {
    const here = new Date(this.#nowMs)
    const [, time] = this.#parts(this.#nowMs)
    return Number(time.slice(0, 2)) !== here.getHours() || Number(time.slice(3, 5)) !== here.getMinutes()
  }

  /**
   * The time that `text` means: `12:18:40` or `12:18` (the last such time of day), RFC 3339, or `5m ago`. The end of it, exclusive: what was
   * decided at 12:18:40.7 is of 12:18:40.
   *
   * @throws NsctlError Usage for any other text
   */
  parse(text: string): number {
    const [, hours, minutes, seconds] = CLOCK.exec(text) ?? []
    if (hours !== undefined && Number(hours) < 24 && Number(minutes) < 60 && Number(seconds ?? 0) < 60)
      return this.#lastTimeOfDay(Number(hours), Number(minutes), seconds)
    const ago = /^(.+?)\s*ago$/.exec(text)?.[1]
    if (ago !== undefined && /^[0-9.]+(ms|s|m|h|d)/.test(ago)) return this.#nowMs - parseDurationMs(ago) + 1
    const atMs = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN
    if (!Number.isNaN(atMs)) return atMs + (text.includes('.') ? 1 : 1_000)
    throw new NsctlError('Usage', `not a time: ${JSON.stringify(text)}`, {
      value: text,
      next: 'write it like 12:18:40, 2026-11-20T12:18:40Z or "5m ago"',
    })
  }

  #lastTimeOfDay(hours: number, minutes: number, seconds: string | undefined): number {
    const [day] = this.#parts(this.#nowMs)
    const wall = Date.parse(`${day}T00:00:00Z`) + ((hours * 60 + minutes) * 60 + Number(seconds ?? 0)) * 1_000
    // twice, because the offset is of the time that is looked for
    let atMs = wall - this.#offsetMs(wall)
    atMs = wall - this.#offsetMs(atMs)
    if (atMs > this.#nowMs) atMs -= DAY_MS
    return atMs + (seconds === undefined ? 60_000 : 1_000)
  }

  #offsetMs(atMs: number): number {
    const [day, time] = this.#parts(atMs)
    return Date.parse(`${day}T${time}Z`) - Math.floor(atMs / 1_000) * 1_000
  }

  #parts(atMs: number): readonly [day: string, time: string] {
    const found: Record<string, string> = {}
    for (const { type, value } of this.#format.formatToParts(atMs)) found[type] = value
    const { day = '', month = '', year = '', hour = '', minute = '', second = '' } = found
    return [`${year}-${month}-${day}`, `${hour === '24' ? '00' : hour}:${minute}:${second}`]
  }
}
