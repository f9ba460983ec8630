/** How failed reconciles are told: each once, conflicts not at all, and an outage as one thing, not as one per key. */
import { isNsctlError, messageOf, type NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { ReconcileResult } from './metrics.ts'

export interface Failure {
  readonly key: string
  /** Failures in a row, this one included. */
  readonly failures: number
  readonly retryInMs: number
}

/** True where another process leads now: every further write would be refused as well. */
export function isFenced(error: unknown): error is NsctlError {
  return isNsctlError(error, 'Fenced')
}

/** True where the store is away, and nothing is wrong but that: trying again is all there is to do. */
export function isOutage(error: unknown): error is NsctlError {
  return isNsctlError(error, 'Unreachable', 'StoreLocked', 'StoreFull')
}

/** One controller’s: what it logged last decides whether the next failure is news. */
export class FailureLog {
  readonly #logger: Logger
  #outage = false

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** A reconcile went through, so the store is there. */
  success(): void {
    this.#outage = false
  }

  /** Logs what a reconcile threw. Returns what it counts as. */
  failure(error: unknown, failure: Failure): ReconcileResult {
    const fields = { ...failure, retryInMs: Math.round(failure.retryInMs), error }
    if (isNsctlError(error, 'Conflict')) {
      // somebody else wrote first; the next reconcile reads what they wrote
      this.#logger.log('debug', `conflict, reconciling again: ${error.message}`, fields)
      return 'requeue'
    }
    if (isOutage(error)) {
      const message = `reconciles fail until this is over, and are retried: ${error.message}`
      this.#logger.log(this.#outage ? 'debug' : 'warn', message, fields)
      this.#outage = true
      return 'error'
    }
    // an error that nsctl raises on purpose is news; anything else is a bug of ours, and its stack is needed
    const ours = isNsctlError(error) && error.code !== 'Bug'
    const stack = !ours && error instanceof Error ? { stack: error.stack } : {}
    this.#logger.log(ours ? 'warn' : 'error', `reconcile failed: ${messageOf(error)}`, {
      ...fields,
      ...stack,
    })
    return 'error'
  }
}
