/** Ends another process of nsctl on this machine, in order. */
import { type Clock, delay } from '../core/clock.ts'
import { messageOf, NsctlError } from '../core/errors.ts'
import { holderIsAlive, type LeaseHolder } from '../store/lease.ts'

export interface EndingOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
}

const STOP_LIMIT_MS = 30_000
const LOOK_EVERY_MS = 50

/**
 * Asks it to end and waits until it has. False where it does not run here. `what` is `the daemon`.
 *
 * @throws NsctlError Timeout, and Failed where it is another user's
 */
export async function endProcess(
  holder: LeaseHolder | undefined,
  what: string,
  { clock, signal }: EndingOptions,
): Promise<boolean> {
  if (holder === undefined || holderIsAlive(holder) !== true) return false
  const { pid } = holder
  askToEnd(pid, what)
  const deadlineMs = clock.monotonic() + STOP_LIMIT_MS
  while (holderIsAlive(holder) === true) {
    if (clock.monotonic() > deadlineMs) {
      const seconds = STOP_LIMIT_MS / 1000
      throw new NsctlError('Timeout', `${what} (pid ${pid}) has not ended within ${seconds} s`, {
        value: pid,
        next: `look at it, end it with kill -9 ${pid}, and run nsctl down again`,
      })
    }
    await delay(clock, LOOK_EVERY_MS, signal)
  }
  return true
}

function askToEnd(pid: number, what: string): void {
  try {
    process.kill(pid, 'SIGTERM')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // it has just ended by itself
    if (code === 'ESRCH') return
    throw new NsctlError('Failed', `${what} (pid ${pid}) cannot be stopped: ${messageOf(error)}`, {
      value: pid,
      next: 'run this as the user that runs it, or as root',
      cause: error,
    })
  }
}
