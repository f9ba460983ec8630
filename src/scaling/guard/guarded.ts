/** What the loop sees of a source. */
import type { ErrorCode } from '../../core/errors.ts'
import type { TriggerInput } from '../decide.ts'
import type { Reading } from '../source.ts'

export interface GuardedSource {
  /**
   * Looks, or takes what another trigger's look came to. Rejects only with the signal's reason. What failed before is told at once while the
   * breaker is open, and counts as one more failure.
   */
  poll(signal: AbortSignal, options?: PollOptions): Promise<TriggerInput>
  /** As of the last poll; costs nothing. */
  facts(): SourceFacts
  /**
   * Present where events come by themselves. Calls `listener` with each until `signal` aborts, and resolves then; rejects with what can
   * never work.
   */
  readonly listen?: (listener: (input: TriggerInput) => void, signal: AbortSignal) => Promise<void>
  /** Of this trigger; the source itself is closed with the last one that uses it. */
  close(): Promise<void>
}

export interface PollOptions {
  /** How old a look may be that others made. Half the polling interval is a good one; 0 where left out. Without others, it always looks. */
  readonly maxAgeMs?: number
}

export interface SourceFacts {
  /** The sum of its values, or of its instances'; undefined before the first reading. */
  readonly lastValue: number | undefined
  /** Of that. */
  readonly ageMs: number | undefined
  /** Of the last look, where it failed. */
  readonly error: string | undefined
  /** Of that error: Denied asks for other credentials. */
  readonly code: ErrorCode | undefined
  /** In a row, of this trigger's polls. */
  readonly failures: number
  /** Of the last look. */
  readonly tookMs: number | undefined
  /** How often it was looked, and how long that took together, by all who share it. */
  readonly looks: number
  readonly lookedMs: number
  readonly breaker: 'closed' | 'open' | 'probing'
  /** Where the breaker is open: when it will look again, on the steady timeline. */
  readonly nextLookMs: number | undefined
  /** How many triggers share it. */
  readonly users: number
}

/** What a look came to, for all who share it. */
export interface Look {
  readonly reading: Reading | undefined
  readonly readAtMs: number | undefined
  readonly error: string | undefined
  readonly code?: ErrorCode
  readonly atMs: number
}
