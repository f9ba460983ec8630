/** The machine's processes, as far as this runtime must know them: a port, because /proc is Linux's alone. */
import type { Claim } from './shim.ts'

/** One process as of a snapshot. */
export interface ProcessEntry {
  readonly pid: number
  readonly session: number
  /** Ticks since boot; 0 where the system does not tell. */
  readonly start: number
  /** CPU time of it and of the children it has waited for. */
  readonly cpuMs: number
  readonly memoryBytes: number
  /** The attempt it says it belongs to (MARKER in its environment), if it may be asked. */
  readonly attempt: string | undefined
}

/** Names the attempt in the environment of every process that comes of it. */
export const MARKER = 'NSCTL_ATTEMPT'

export interface ProcessTable {
  /** Differs after every boot: what ran before then runs no more. */
  readonly bootId: string
  /** False where a process cannot be told from a later one with the same number. */
  readonly tellsProcessesApart: boolean
  /** True while that very process lives; a zombie does not. */
  isAlive(process: { readonly pid: number; readonly start: number }): boolean
  /** True while the processes of a claim from an earlier owner live; also where `isAlive` alone could be mistaken. */
  isStillClaimed(claim: Claim, run: string): boolean
  /** Every process, without the kernel's. */
  snapshot(): Promise<readonly ProcessEntry[]>
  /** What it and the children that it has waited for have read from and written to disks; undefined where that is not told. */
  io?(pid: number): { readonly readBytes: number; readonly writtenBytes: number } | undefined
}

/**
 * The processes of an attempt besides its shim: those of its session, and those that have left it but still carry its mark.
 * One that leaves the session and clears its environment is out of reach.
 */
export function membersOf(
  snapshot: readonly ProcessEntry[],
  attempt: { readonly run: string; readonly claim: Claim | undefined; readonly ownsSession: boolean },
): readonly ProcessEntry[] {
  const { claim } = attempt
  return snapshot.filter((entry) => {
    if (entry.pid === claim?.shimPid) return false
    if (entry.attempt !== undefined) return entry.attempt === attempt.run
    return attempt.ownsSession && claim !== undefined && entry.session === claim.shimPid
  })
}
