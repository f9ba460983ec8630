/** Writes that were overtaken by another: read again, look again, write again. */
import { isNsctlError } from '../core/errors.ts'

const TRIES = 5

/** Calls `attempt`, which reads and writes, until it meets no Conflict; a few times at most. */
export async function retryConflicts<T>(attempt: () => Promise<T>): Promise<T> {
  for (let triesLeft = TRIES; ; triesLeft--) {
    try {
      return await attempt()
    } catch (error) {
      if (!isNsctlError(error, 'Conflict') || triesLeft <= 1) throw error
    }
  }
}
