/** What a check finds. */
import type { Transaction } from '../../store/store.ts'

/** One thing that is not as nsctl leaves it. */
export interface Finding {
  readonly key: string
  /** `its object is not there`. */
  readonly problem: string
  /** What to do: a sentence or a command to type. */
  readonly remedy: string
  /** What puts it right, where nothing can be lost by that: it is refused where the store has moved on. */
  readonly repair?: Transaction
}
