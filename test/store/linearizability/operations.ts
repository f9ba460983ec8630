/**
 * What clients did to a store, as the judges read it: each operation with when it began and ended, by whom, and what came of
 * it. Recorded as events, so that a process killed in the middle of an operation leaves its beginning behind.
 */

/** What was asked. Every value that is written occurs once in a history, so that a read tells whose write it saw. */
export type Call =
  /** Of one key: a register. */
  | { readonly kind: 'read'; readonly key: string }
  /** `expect` makes it a compare-and-set. `under` is the lease whose fence was in the transaction. */
  | {
      readonly kind: 'write'
      readonly key: string
      readonly value: string
      readonly expect?: number
      readonly under?: { readonly name: string; readonly epoch: number }
    }
  /** Of all keys under a prefix: a set, one key per element. An element is added by a write that expects 0. */
  | { readonly kind: 'list'; readonly prefix: string }
  /** From the moment that a lease was had, until it was lost or given back. `revision` is that of its acquisition. */
  | {
      readonly kind: 'hold'
      readonly name: string
      readonly epoch: number
      readonly revision: number
      /** When it was asked for, monotonic. */
      readonly askedMs: number
    }

export type Outcome =
  /** A write: its revision. A read: the entry's, and its value; 0 and none where nothing is there. */
  | { readonly kind: 'ok'; readonly revision: number; readonly value?: string }
  | {
      readonly kind: 'listed'
      readonly revision: number
      readonly elements: Readonly<Record<string, number>>
    }
  /** A write that certainly did not happen. `actual`: the key's revision, where the conflict was about this key. */
  | { readonly kind: 'refused'; readonly actual?: number }
  /** A write that may have happened, or may happen yet; a read that told nothing. */
  | { readonly kind: 'unknown' }
  /** A hold. `stalledMs`: the longest that the holder's process stood still meanwhile. */
  | { readonly kind: 'over'; readonly stalledMs: number }

export interface Recorded {
  readonly process: string
  readonly call: Call
  /** Monotonic, of the machine: comparable between processes. */
  readonly beginMs: number
  /** Infinity where the outcome is unknown: it may take effect at any time. */
  readonly endMs: number
  readonly outcome: Outcome
}

/** `[id, call, atMs]` when an operation begins, `[id, outcome, atMs]` when it ends. Plain data: survives JSON. */
export type Event = readonly ['begin', number, Call, number] | readonly ['end', number, Outcome, number]

/** How a process of its own ended. */
export interface Death {
  /** Just before the signal was sent: all that it held, it held until then. */
  readonly atMs: number
  /** The longest that it had been made to stand still. */
  readonly stalledMs: number
}

/** The operations of one process. What did not end is unknown; a hold ends with the process at the latest. */
export function operationsOf(process: string, events: readonly Event[], death?: Death): readonly Recorded[] {
  const ends = new Map<number, { readonly outcome: Outcome; readonly atMs: number }>()
  for (const event of events)
    if (event[0] === 'end') ends.set(event[1], { outcome: event[2], atMs: event[3] })
  return events.flatMap((event): readonly Recorded[] => {
    if (event[0] === 'end') return []
    const [, id, call, beginMs] = event
    const end = ends.get(id)
    if (end !== undefined) {
      const endMs = end.outcome.kind === 'unknown' ? Number.POSITIVE_INFINITY : end.atMs
      return [{ process, call, beginMs, endMs, outcome: end.outcome }]
    }
    if (call.kind === 'hold' && death !== undefined) {
      const outcome: Outcome = { kind: 'over', stalledMs: death.stalledMs }
      return [{ process, call, beginMs, endMs: Math.max(beginMs, death.atMs), outcome }]
    }
    return [{ process, call, beginMs, endMs: Number.POSITIVE_INFINITY, outcome: { kind: 'unknown' } }]
  })
}

/** What is wrong with a history. `order`: no order of its operations explains it, though each alone could be. */
export interface Fault {
  readonly kind: 'lost' | 'invented' | 'stale' | 'order' | 'lease' | 'undecided'
  readonly what: string
}

/** The process that reads everything once all others have ended: what it does not see is lost. */
export const FINAL = 'final'
