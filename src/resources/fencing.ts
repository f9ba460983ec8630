/**
 * The bound of unique instances, in times counted from when a node's agent sent the last renewal of its lease that went through. Nobody
 * compares clocks: the agent's machine counts the first two, whoever leads the third, from when it has seen that renewal, which is later.
 *
 *     renewal sent ─── FENCE_STOP_MS: asked to end ─── FENCE_KILL_MS: killed ─── FENCE_FALLEN_MS: may be replaced elsewhere
 */

/** The agent asks unique programs to end. Renewals come every 4 s: one may be lost, and what follows it be late. */
export const FENCE_STOP_MS = 10_000
/** Whatever is left of them is killed, by what needs no agent. */
export const FENCE_KILL_MS = 12_000
/** A lease that has stood still for so long allows nothing any more: nothing of it runs. What is between is for machines that are slow. */
export const FENCE_FALLEN_MS = 15_000

/** Where a program finds the number that is larger than that of all that ran under its ordinal before it. */
export const FENCING_TOKEN = 'NSCTL_FENCING_TOKEN'
