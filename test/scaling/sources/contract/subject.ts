/** What a source and the server behind it bring to the contract. */
import type { SourceType } from '../../../../src/scaling/source.ts'
import type { Gate } from '../../../lab/gate.ts'
import type { TriggerSpec } from '../double.ts'

export interface SourceSubject {
  readonly name: string
  /** The source's file: loading it may load no package. */
  readonly module: URL
  readonly type: () => Promise<SourceType>
  /** False where what `start` needs cannot be had here. */
  readonly present: boolean
  /** What that is: `Debian packages`. */
  readonly part: string
  /** Once for all tests of the suite. */
  start(): Promise<Outside>
}

/** A server with something that a trigger looks at. */
export interface Outside {
  /** Reaches it, through the gate where there is one. */
  readonly trigger: TriggerSpec
  /** The trigger's activation threshold: at it there is no work, above it there is. */
  readonly activation: number
  /** Has the outside say this; whole numbers from 0. */
  set(value: number): Promise<void>
  /** Stands before it. Left out where the server tells its clients its own addresses. */
  readonly gate?: Gate
  /** What can be done to the server itself. */
  readonly server?: {
    freeze(): void
    thaw(): void
    /** Left out where it cannot come back at its address. */
    kill?(): Promise<void>
    /** Until it answers; what `set` said may be gone. */
    restart?(): Promise<void>
  }
  /** Each is Denied. */
  readonly wrongCredentials?: readonly Named[]
  /** There is an answer, and no number in it: Invalid when measured. */
  readonly invalid?: readonly Named[]
  /** Says 0 by its own definition: no such list. */
  readonly empty?: readonly Named[]
  /** Refused when opened: Invalid, and its `value` names the parameter. */
  readonly refused?: readonly (Named & { readonly parameter: string })[]
  /** Texts that may stand in no error and no log. */
  readonly secrets: readonly string[]
  /** Answers to a first request that are nonsense in its own protocol, besides those that are nonsense in any. */
  readonly garbage?: readonly (string | Uint8Array)[]
  /** How many connections a source may need at once; 1 where left out. */
  readonly connections?: number
  stop(): Promise<void>
}

export interface Named {
  readonly what: string
  readonly trigger: TriggerSpec
}
