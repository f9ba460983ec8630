/** One step from a layout of the store to the next: what it is, for whoever walks them in order. */
import type { KindRegistry } from '../../resources/kinds.ts'
import type { LayoutVersion } from '../../store/layout.ts'
import type { Entry, Transaction } from '../../store/store.ts'

export interface LayoutStep {
  readonly from: LayoutVersion
  readonly to: LayoutVersion
  /** What it does, for people: `an audit record names all objects of its transaction`. */
  readonly summary: string
  /**
   * What is to be written, given all that a store holds. Left out by a step to the next minor, after which what is there stays as it is.
   * Pure. Each transaction is one object's, conditional on what was read, and leaves what the step finds nothing to do about:
   * cut off after any of them and planned again, it goes on where it was.
   *
   * @param kinds our own
   * @throws NsctlError Conflict where something that is there has no place any more: whoever upgrades is told before anything is written
   */
  readonly plan?: (entries: readonly Entry[], kinds: KindRegistry) => readonly Transaction[]
}
