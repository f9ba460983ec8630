/** Times that a cron expression names, in a timezone. */
export interface Schedule {
  readonly text: string
  readonly timezone: string
  /** The last time at or before `wallMs`; undefined where there was none within five years. */
  previous(wallMs: number): number | undefined
  /** The first time after `wallMs`. */
  next(wallMs: number): number | undefined
}
