/** The contract between the engine and a controller. */
import type { ObjectRef } from '../resources/object.ts'

/** What a reconcile came to. Anything else is thrown, and the engine retries it with exponential backoff and jitter. */
export type Outcome =
  /** The world is as it should be, or an event will tell when there is more to do. Backoff is forgotten. */
  | { readonly kind: 'settled' }
  /** Look again after `afterMs` at the latest (an event may come sooner). Not an error; backoff is forgotten. */
  | { readonly kind: 'recheck'; readonly afterMs: number; readonly reason: string }

export const settled: Outcome = { kind: 'settled' }

/** @param reason what is being waited for, as the debug log says it */
export function recheck(afterMs: number, reason: string): Outcome {
  return { kind: 'recheck', afterMs, reason }
}

/**
 * Makes the world match one object. Level-based: it is told which object, never what happened, reads what it needs and
 * finishes what any earlier reconcile left half done. Never runs twice at once for the same key in one process. Must
 * not sleep or wait for the outside for long: start things, and let their events call it again. The signal aborts when
 * the manager stops or the reconcile exceeds its time limit.
 */
export interface Reconciler<Key = ObjectRef> {
  reconcile(key: Key, signal: AbortSignal): Promise<Outcome>
}
