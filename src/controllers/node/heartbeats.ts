/**
 * For how long nodes have been silent, as this process has seen it. No clock is compared with another's: what counts is for how long a
 * node's lease has stood still before these eyes, and time in which they saw nothing counts for nobody.
 */
import type { Clock } from '../../core/clock.ts'
import { type LeaseSight, NODE_LEASES } from '../../store/lease.ts'
import { leaseKeys } from '../../store/lease-record.ts'
import type { StoreReader } from '../../store/store.ts'

export interface HeartbeatsOptions {
  readonly store: Pick<StoreReader, 'list'>
  readonly clock: Clock
  /** Two looks further apart than this, and all that was silent between them may have been the store's or this process's fault. */
  readonly blindMs: number
}

/** What has been seen of one node. */
interface Seen {
  /** When it last changed; when it was first looked for, where it has not. */
  readonly changedMs: number
  /** Of its lease as a whole, and since when it is that. */
  readonly sight: LeaseSight
  readonly stillSinceMs: number
  /** When it was first seen to change after a silence, or at all; that it is there says nothing. */
  readonly heardSinceMs: number | undefined
}

export class Heartbeats {
  readonly #options: HeartbeatsOptions
  #seen: ReadonlyMap<string, Seen> = new Map()
  #lookedMs: number | undefined

  constructor(options: HeartbeatsOptions) {
    this.#options = options
  }

  /** Reads all leases. Rejects with what the store throws: then nobody has been silent. */
  async look(nodes: readonly string[]): Promise<void> {
    const { store, clock, blindMs } = this.#options
    const nowMs = clock.monotonic()
    const { entries } = await store.list([`lease/${NODE_LEASES}`])
    // what is seen may have been written while it was read
    const readMs = clock.monotonic()
    const revisions = new Map(entries.map(({ key, revision }) => [key, revision]))
    const isBlind = this.#lookedMs !== undefined && nowMs - this.#lookedMs > blindMs
    const next = new Map<string, Seen>()
    for (const name of nodes) {
      const keys = leaseKeys(NODE_LEASES + name)
      const sight = { record: revisions.get(keys.record) ?? 0, epoch: revisions.get(keys.epoch) ?? 0 }
      next.set(name, seenNow(this.#seen.get(name), sight, { nowMs, readMs, isBlind }))
    }
    this.#seen = next
    this.#lookedMs = nowMs
  }

  /** Until the last look; undefined for a node that was not looked for yet. */
  silentMs(name: string): number | undefined {
    const seen = this.#seen.get(name)
    return seen === undefined || this.#lookedMs === undefined ? undefined : this.#lookedMs - seen.changedMs
  }

  /** How its lease was last seen, and for how long it has stood still like that, nothing of it given up or acquired either. */
  standing(name: string): { readonly sight: LeaseSight; readonly forMs: number } | undefined {
    const seen = this.#seen.get(name)
    if (seen === undefined || this.#lookedMs === undefined) return undefined
    return { sight: seen.sight, forMs: this.#lookedMs - seen.stillSinceMs }
  }

  /** For how long it has been heard of; undefined where it has not been, since this process looks or it was silent. */
  heardMs(name: string): number | undefined {
    const since = this.#seen.get(name)?.heardSinceMs
    return since === undefined || this.#lookedMs === undefined ? undefined : this.#lookedMs - since
  }

  /** It was silent for too long: how long it is heard of counts anew. */
  fellSilent(name: string): void {
    const seen = this.#seen.get(name)
    if (seen?.heardSinceMs === undefined) return
    this.#seen = new Map(this.#seen).set(name, { ...seen, heardSinceMs: undefined })
  }
}

interface Look {
  readonly nowMs: number
  readonly readMs: number
  readonly isBlind: boolean
}

function seenNow(before: Seen | undefined, sight: LeaseSight, { nowMs, readMs, isBlind }: Look): Seen {
  const fresh = { sight, stillSinceMs: readMs, changedMs: nowMs }
  if (before === undefined) return { ...fresh, heardSinceMs: undefined }
  const { record, epoch } = sight
  // a lease that was given up is a change, and no sign of life
  if (record !== before.sight.record)
    return { ...fresh, heardSinceMs: record === 0 ? undefined : (before.heardSinceMs ?? nowMs) }
  if (isBlind) return { ...before, ...fresh }
  // made void, or acquired and given up between two looks: no sign of life either
  return epoch === before.sight.epoch ? before : { ...before, sight, stillSinceMs: readMs }
}
