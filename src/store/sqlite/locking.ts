/** Waiting for another process's lock without standing still: SQLite's own waiting would block the event loop. */
import { type Clock, delay } from '../../core/clock.ts'
import { isBusy } from './errors.ts'

const FIRST_WAIT_MS = 1
const LONGEST_WAIT_MS = 25

/** Runs `attempt` until it is not refused for a lock, for at most `limitMs`; then throws the last refusal. */
export async function untilUnlocked<T>(clock: Clock, limitMs: number, attempt: () => T): Promise<T> {
  const startedMs = clock.monotonic()
  let keepAlive: NodeJS.Timeout | undefined
  try {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)) {
      try {
        return attempt()
      } catch (error) {
        if (!isBusy(error) || clock.monotonic() - startedMs >= limitMs) throw error
      }
      // the clock's timers let a process end; one that waits for its commit must not
      keepAlive ??= setInterval(() => {}, 60_000)
      await delay(clock, waitMs * (0.5 + Math.random()))
    }
  } finally {
    clearInterval(keepAlive)
  }
}
