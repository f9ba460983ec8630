/** A clock that goes on while the machine is suspended. */
import { uptime } from 'node:os'
import type { Clock } from '../core/clock.ts'

/**
 * `clock`, but its `monotonic` counts since boot, time spent suspended included (Linux' CLOCK_BOOTTIME, to 10 ms). What was scheduled still
 * waits for time that the machine was awake: whoever must not be late looks now and then.
 */
export function countingSuspension(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => uptime() * 1e3,
    schedule: (delayMs, run) => clock.schedule(delayMs, run),
  }
}
