/** What is decided upon, what it comes to, and what is remembered: the values that `decide()` takes and gives. */
import type { InstanceSample, Reading } from './source.ts'

/** Two clocks. Durations and windows use the steady one; schedules and hour() the wall. */
export interface ScalingTime {
  /** Milliseconds, never going back, near the wall clock's at the process's start. */
  readonly steadyMs: number
  /** Milliseconds since 1970, as the wall clock says. */
  readonly wallMs: number
}

/** What is there when it is decided. */
export interface DecisionInput {
  readonly time: ScalingTime
  /** What the Service asks for (its spec.replicas). */
  readonly replicas: number
  /** Its instances as they are. */
  readonly instances: readonly InstanceFacts[]
  /** By the trigger's key; a trigger without an entry was never read. */
  readonly triggers: ReadonlyMap<string, TriggerInput>
  /** Of what comes in from outside; undefined where nothing is led to the Service, or nobody hears of it. */
  readonly requests?: RequestFacts | undefined
  /** When the ScaledObject was made, on the steady timeline. */
  readonly createdMs: number
}

/** What load balancers say of requests for a Service. */
export interface RequestFacts {
  /** When requests were last heard of, on the steady timeline; undefined where they were not yet. */
  readonly atMs: number | undefined
  /** For people: `n1`, `n1, n2`. */
  readonly through: string
}

/** HPA's view of a pod. */
export interface InstanceFacts {
  readonly name: string
  readonly phase: 'pending' | 'running' | 'failed'
  readonly deleting: boolean
  readonly ready: boolean
  /** Steady timeline; undefined before its programs started. */
  readonly startedMs: number | undefined
  /** When `ready` last changed. */
  readonly readyChangedMs: number | undefined
  /** What it asked for, thousandths of a core and bytes; for Utilization. */
  readonly request: { readonly cpu?: number; readonly memory?: number }
}

/** The last look at one trigger. */
export interface TriggerInput {
  /** The last reading that succeeded, however old. */
  readonly reading: Reading | undefined
  readonly readAtMs: number | undefined
  /** Set where the last look failed: then `reading` is of before, and says nothing about now. */
  readonly error: string | undefined
  /** In a row. */
  readonly failures: number
}

/** What deciding remembers. Plain JSON, times on the steady timeline; made by `initialState` and `decide` only. */
export interface ScalingState {
  /** HPA's recommendations before stabilization, oldest first, as far back as any window needs. */
  readonly recommendations: readonly { readonly atMs: number; readonly replicas: number }[]
  /** HPA's scale events: changes by this loop, positive up. */
  readonly changes: readonly { readonly atMs: number; readonly by: number }[]
  /** When a trigger was last active. */
  readonly lastActiveMs: number | undefined
  /** By the rule's name. */
  readonly rules: Readonly<
    Record<string, { readonly trueSinceMs: number; readonly fired: boolean; readonly scaledTo?: number }>
  >
  /** Held for flapping until then. */
  readonly heldUntilMs: number | undefined
}

/** The number and why. Plain JSON: it is stored as it stands. */
export interface Decision {
  readonly atMs: number
  /** Wall clock. */
  readonly at: string
  readonly from: number
  readonly to: number
  readonly active: boolean
  readonly triggers: readonly TriggerVerdict[]
  /** Each step in the order of design.md §7, also those that did nothing. */
  readonly steps: readonly Step[]
  /** What made the number, in a line: `rabbitmq/orders 1,310 ÷ 200`. */
  readonly because: string
  readonly outlook: Outlook
  /** Something is held back by a bound, a window or protection; for the condition ScalingLimited. */
  readonly limited: { readonly reason: string; readonly message: string } | undefined
  /** A fallback is in force. */
  readonly fallback: boolean
  /** What could not be computed, one line each: `formula: division by zero`. */
  readonly faults: readonly string[]
  /** Rules that were true, for a successor that knows nothing newer; left out where there are none at all. */
  readonly rules?: ScalingState['rules']
}

export interface TriggerVerdict {
  readonly key: string
  readonly type: string
  /** Of the trigger's metrics, where it has several. */
  readonly metric: string
  readonly metricType: string
  /** As measured: a sum for values, an average or a percentage for instances. */
  readonly value: number | undefined
  readonly target: number | undefined
  readonly unit: string
  /** Undefined where it proposes nothing. */
  readonly proposal: number | undefined
  readonly active: boolean | undefined
  /** `1,310 ÷ 200`, `61 % of 70 %, in tolerance`, `cannot be read: …`. */
  readonly text: string
  readonly decides: boolean
  readonly error: string | undefined
  readonly failures: number
  /** Of the reading, when decided. */
  readonly ageMs: number | undefined
}

export type StepName =
  | 'pause'
  | 'triggers'
  | 'fallback'
  | 'modifiers'
  | 'activation'
  | 'stabilization'
  | 'policies'
  | 'rules'
  | 'protection'
  | 'bounds'

export interface Step {
  readonly step: StepName
  readonly from: number
  readonly to: number
  /** CamelCase, for machines: `InTolerance`, `StabilizationWindow`, `CooldownDown`, `Floor`. */
  readonly reason: string
  /** For people. */
  readonly text: string
}

/** When it may change next, and what would change it. */
export interface Outlook {
  readonly up: NextChange
  readonly down: NextChange
  /** The smallest value of one trigger that would make it more: `1,401 waiting would make it 8`. */
  readonly more: WouldChange | undefined
  readonly fewer: WouldChange | undefined
}

export interface NextChange {
  /** Steady timeline; undefined: at once, or never (`text` says which). */
  readonly notBeforeMs: number | undefined
  readonly text: string
}

export interface WouldChange {
  readonly trigger: string
  readonly value: number
  readonly replicas: number
  readonly text: string
}

export type { InstanceSample }
