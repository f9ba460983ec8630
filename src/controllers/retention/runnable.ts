/** Removes events and audit records that have had their time. */
import type { ResourceJanitor } from '../../api/api.ts'
import { type Clock, delay } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Runnable } from '../../engine/manager.ts'

export interface RetentionOptions {
  readonly api: ResourceJanitor
  readonly clock: Clock
  readonly logger: Logger
  /** From one pass to the next, milliseconds. */
  readonly everyMs?: number
}

const EVERY_MS = 60_000

/** A pass each minute, for as long as this process leads. A pass that fails is logged and made up for by the next. */
export function retention(options: RetentionOptions): Runnable {
  const { api, clock, logger, everyMs = EVERY_MS } = options
  return {
    name: 'retention',
    async run(signal) {
      while (!signal.aborted) {
        await delay(clock, everyMs, signal).catch(() => undefined)
        if (signal.aborted) return
        try {
          const removed = await api.expire()
          if (removed.events + removed.audit > 0) logger.log('debug', 'expired', { ...removed })
        } catch (error) {
          // a store that is away comes back; what has expired stays expired
          logger.log('warn', `cannot remove what has expired: ${messageOf(error)}`)
        }
      }
    },
  }
}
