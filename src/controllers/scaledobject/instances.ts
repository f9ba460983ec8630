/** Instances as the algorithm sees them: HPA's pods. */
import { parseCpuMillis, parseMemoryBytes } from '../../core/quantity.ts'
import type { Instance } from '../../resources/generated/types.ts'
import type { InstanceFacts } from '../../scaling/decide.ts'
import type { ScalingTimes } from '../../scaling/times.ts'

type Phase = InstanceFacts['phase']

/** One that waits to be started again runs, in HPA's eyes: it has been placed, and is not ready. */
const PHASES: Readonly<Record<string, Phase>> = {
  Running: 'running',
  Backoff: 'running',
  Stopping: 'running',
  Stopped: 'failed',
  Succeeded: 'failed',
  Failed: 'failed',
}

export function phaseOf({ status }: Instance): Phase {
  return PHASES[status?.phase ?? ''] ?? 'pending'
}

/** What was seen of an instance, for as long as it is the same object. */
interface Seen {
  readonly instance: Instance
  readonly facts: InstanceFacts
}

/** Of a Service at 0, as most of ten thousand may be. */
const NONE: ReadonlyMap<string, Seen> = new Map()

/** The instances of one Service, looked at anew only where they have changed. */
export class InstanceViews {
  readonly #times: ScalingTimes
  #seen = NONE

  constructor(times: ScalingTimes) {
    this.#times = times
  }

  of(instances: readonly Instance[]): readonly InstanceFacts[] {
    const before = this.#seen
    const now = new Map<string, Seen>()
    this.#seen = instances.length === 0 ? NONE : now
    return instances.map((instance) => {
      const { name, uid = name } = instance.metadata
      const known = before.get(uid)
      const seen = known?.instance === instance ? known : { instance, facts: this.#facts(instance, known) }
      now.set(uid, seen)
      return seen.facts
    })
  }

  #facts(instance: Instance, before: Seen | undefined): InstanceFacts {
    const { metadata, status } = instance
    const ready = status?.ready === true
    const startedMs = this.#times.steadyOf(status?.startedAt)
    const isSameStart = before?.instance.status?.startedAt === status?.startedAt
    return {
      name: metadata.name,
      phase: phaseOf(instance),
      deleting: metadata.deletionTimestamp !== undefined,
      ready,
      // kept as it was worked out first: a jump of the wall clock moves nothing that has been seen
      startedMs: before !== undefined && isSameStart ? before.facts.startedMs : startedMs,
      readyChangedMs: this.#readyChangedMs(instance, ready, before),
      request: requestOf(instance),
    }
  }

  /** Nothing but this process knows when one ceased to be ready; one that it never saw ready has not been since it started. */
  #readyChangedMs({ status }: Instance, ready: boolean, before: Seen | undefined): number | undefined {
    if (before !== undefined && before.facts.ready !== ready && !ready) return this.#times.steadyMs()
    if (before !== undefined && before.instance.status?.readySince === status?.readySince)
      return before.facts.readyChangedMs ?? this.#times.steadyOf(status?.startedAt)
    return this.#times.steadyOf(ready ? status?.readySince : status?.startedAt)
  }
}

/** All of its programs' together; nothing where one of them asks for nothing, as in HPA. */
function requestOf({ spec: { template } }: Instance): InstanceFacts['request'] {
  const programs = template.programs ?? [template]
  const sum = (values: readonly (number | undefined)[]) =>
    values.reduce((total, one) => (total === undefined || one === undefined ? undefined : total + one), 0)
  const cpu = sum(programs.map(({ resources }) => optional(resources?.cpu, parseCpuMillis)))
  const memory = sum(programs.map(({ resources }) => optional(resources?.memory, parseMemoryBytes)))
  return { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) }
}

function optional<T, R>(value: T | undefined, read: (value: T) => R): R | undefined {
  return value === undefined ? undefined : read(value)
}
