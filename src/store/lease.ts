/**
 * The one lease mechanism, over any store: a key renewed by compare-and-set, and beside it an epoch that moves only on
 * acquisition and fences the holder's writes. Filled in by the engine's elections.
 */
import type { Operation } from './store.ts'

/** Who holds a lease; enough for a process on the same machine to see at once that the holder is dead. */
export interface LeaseHolder {
  readonly id: string
  readonly host: string
  readonly pid: number
  /** /proc/<pid>/stat's start time in clock ticks, so that a reused pid is not taken for the holder. Empty off Linux. */
  readonly startTime: string
  /** /proc/sys/kernel/random/boot_id. Empty off Linux. */
  readonly bootId: string
  /** Free facts for people: version, runtime, socket. Never secrets. */
  readonly about: Readonly<Record<string, string>>
}

/** Add these to a transaction and it is refused once another holds the lease. */
export type Fence = readonly Extract<Operation, { kind: 'check' }>[]
