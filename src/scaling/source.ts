/**
 * The port to what triggers look at: queues, databases, metrics, clocks. A file in sources/ per kind of source, one contract suite over all
 * (test/scaling/sources/contract.ts), each loaded when a trigger first names it.
 *
 * Contract:
 * - `open` checks what it is given, and makes no connection. What is wrong with a parameter is Invalid, with the parameter's name in `value`.
 * - `measure` asks the outside at each call and keeps what it can between calls (connections, prepared statements). It honours its signal
 *   within 100 ms, and rejects: Unreachable (refused, timed out, cannot be resolved, wrong certificate), Denied (credentials), Invalid (there is
 *   an answer, and it is no number or none that counts: NaN, infinities, no such queue, more than 1 MiB). It never makes a number up: what is not
 *   known is an error, and 0 means that the outside said 0.
 * - After a failure the next `measure` starts over and may succeed. Two are never called at once.
 * - Nothing it throws or logs holds a value of a secret parameter, or a URL with credentials.
 * - `close` ends every connection; a call that is under way rejects. It may be called twice.
 * - Timeouts, breakers, caches and counting are the caller's (`guard.ts`).
 */
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { MetricType, ReadParameters } from '../resources/triggers/schema.ts'
import type { HttpAgents } from './http/agents.ts'

/** What one look came to. */
export type Reading = ValueReading | InstanceReading

/** Numbers about work that is waiting or asked for, whoever does it. */
export interface ValueReading {
  readonly kind: 'values'
  readonly metrics: readonly MetricValue[]
  /** Whether there is work: from 0 to 1, and not to 0. */
  readonly active: boolean
}

export interface MetricValue {
  /** Unique within the trigger; empty where it has one metric. */
  readonly name: string
  /** Finite. */
  readonly value: number
  /** Where the source says itself what it is to be compared with (external scalers); the trigger's own where left out. */
  readonly target?: number
}

/** One sample for each instance that has any: HPA's resource metrics. It says nothing about being active. */
export interface InstanceReading {
  readonly kind: 'instances'
  readonly samples: readonly InstanceSample[]
}

export interface InstanceSample {
  /** The Instance's name. */
  readonly instance: string
  /** In the metric's own unit: thousandths of a core, bytes, seconds. */
  readonly value: number
  /** On the steady timeline (`ScalingTime.steadyMs`): the end of what it was measured over. */
  readonly atMs: number
  readonly windowMs: number
}

export interface Source {
  measure(signal: AbortSignal): Promise<Reading>
  /**
   * Present where events come by themselves. Calls `listener` with each, until `signal` aborts; reconnects by itself, and rejects with nothing but
   * what can never work. `measure` tells the present state in any case.
   */
  listen?(listener: (reading: Reading) => void, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** What a source is opened with. */
export interface TriggerConfig {
  readonly type: string
  /** The trigger's name, or its index as text: for messages. */
  readonly name: string
  /** Read by the schema, secret parameters included. */
  readonly parameters: ReadParameters
  /** All parameters as they stand, without secret ones: what external scalers are given. */
  readonly metadata: Readonly<Record<string, string>>
  /** Parameters of the TriggerAuthentication, by name. */
  readonly authentication: Readonly<Record<string, string>>
  readonly metricType: MetricType
  /** Whose trigger it is. */
  readonly owner: {
    readonly kind: 'ScaledObject' | 'ScaledJob' | 'Service'
    readonly namespace: string
    readonly name: string
  }
  /** The Service that is scaled; undefined for a ScaledJob. */
  readonly service: { readonly namespace: string; readonly name: string } | undefined
}

/** What main gives every source besides. */
export interface SourceContext {
  readonly clock: Clock
  readonly logger: Logger
  readonly workloads: Workloads
  readonly webhooks: Webhooks
  /** The connections that all sources over HTTP share. */
  readonly http: HttpAgents
}

/** What is known of the instances of Services. */
export interface Workloads {
  /** Whether there is such a Service. */
  exists(service: { readonly namespace: string; readonly name: string }): boolean
  instances(service: { readonly namespace: string; readonly name: string }): readonly WorkloadInstance[]
  /** Those of all Services of a namespace. */
  inNamespace(namespace: string): readonly WorkloadInstance[]
  /**
   * The newest samples of one resource of a Service's instances; those that none is known of are missing. Shares what it fetches among all that
   * ask. Rejects with Unreachable where no node that has some of them answers.
   */
  usage(
    service: { readonly namespace: string; readonly name: string },
    resource: 'cpu' | 'memory' | 'io',
    signal: AbortSignal,
  ): Promise<readonly InstanceSample[]>
}

export interface WorkloadInstance {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Pending until its programs run; failed where they cannot be started, and where it has ended for good. */
  readonly phase: 'pending' | 'running' | 'failed'
  readonly ready: boolean
  readonly node: string
  /** Where its ports can be reached from here. */
  readonly address: string
  readonly ports: Readonly<Record<string, number>>
}

/** Where events are pushed to. One listener a process, a path for each trigger. */
export interface Webhooks {
  /** Others than this machine can reach it: a trigger without a credential is refused. */
  readonly exposed?: true
  /** Returns what takes the path back. Two that want the same path are refused: AlreadyExists. */
  on(path: string, handle: (request: WebhookRequest) => Promise<WebhookAnswer>): () => void
}

export interface WebhookRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly query: URLSearchParams
  /** At most 1 MiB; more is answered with 413 before. */
  readonly body: Uint8Array
}

export interface WebhookAnswer {
  readonly status: number
  readonly body?: string
}

/** One file of sources/ exports one of these; main lists them, and loads each when it is first needed. */
export interface SourceType {
  readonly types: readonly string[]
  /** What it measures depends on its parameters alone, and not on whose trigger it is: equal triggers share one source. */
  readonly shareable?: true
  open(trigger: TriggerConfig, context: SourceContext): Source
}
