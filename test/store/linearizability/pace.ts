/** How the clients of the long runs go about it. */
export const CLIENTS = 8
/** Of one engine. */
export const STORM_MS = Number(process.env.NSCTL_TEST_STORM_MS ?? 60_000)

export const PACE = {
  pauseMs: 10,
  periodMs: 3_000,
  /** Short, so that faults cost leases. */
  ttlMs: 1_200,
  holdMs: 1_500,
} as const
