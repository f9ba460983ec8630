/** The timeline of windows and cooldowns: near the wall clock's at its start, and never moved by a jump of it. */
import type { Clock } from '../core/clock.ts'

/** Milliseconds now, never going back. One is made for a process; times of two cannot be compared. */
export type SteadyTime = () => number

/** A timeline that begins with the wall clock's time of now. */
export function steadyTimeline(clock: Clock): SteadyTime {
  const originMs = clock.now() - clock.monotonic()
  return () => originMs + clock.monotonic()
}
