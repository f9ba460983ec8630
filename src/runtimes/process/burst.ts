/** How often a program is started again at once: the long backoff is the agent's. Pure. */

export const RESTART_DELAY_MS = 100
export const BURST = 3
export const BURST_WINDOW_MS = 60_000

/**
 * Restarts that still count at `nowMs`. Times are wall clock, so that they outlive this process; one that lies in the future, after the
 * clock was set back, counts as just now, so that a crash loop cannot gain from it for longer than the window.
 */
export function recentRestarts(restartsAtMs: readonly number[], nowMs: number): readonly number[] {
  return restartsAtMs.map((atMs) => Math.min(atMs, nowMs)).filter((atMs) => nowMs - atMs < BURST_WINDOW_MS)
}

/** Whether a program that has just failed is started again at once. */
export function mayRestart(restartsAtMs: readonly number[], nowMs: number): boolean {
  return recentRestarts(restartsAtMs, nowMs).length < BURST
}
