/**
 * The long backoff of a crash loop, after the runtime's own quick restarts: 1 s, doubled with every further failure up to
 * 5 minutes, forgotten once a program has run for 10 minutes (Kubernetes' kubelet begins at 10 s; here the quick
 * restarts have already shown that it is no hiccup, and the first tries cost little).
 */

export interface Backoff {
  /** Failures in a row. */
  readonly failures: number
  /** Monotonic milliseconds before which it must not be started again. */
  readonly notBeforeMs: number
}

export const noBackoff: Backoff = { failures: 0, notBeforeMs: 0 }

const FIRST_MS = 1_000
const LONGEST_MS = 300_000
export const FORGIVEN_AFTER_MS = 600_000

/** The backoff after one more failure of a program that had run for `ranMs`. */
export function afterFailure(before: Backoff, ranMs: number, nowMs: number): Backoff {
  const failures = ranMs >= FORGIVEN_AFTER_MS ? 1 : before.failures + 1
  return { failures, notBeforeMs: nowMs + Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 20)) }
}
