/** How often it is told how far a rollout of many instances is: not with each of them, since every write wakes all who watch. */
import type { Clock } from '../../core/clock.ts'
import { deepEqual } from '../../core/json.ts'
import { findCondition } from '../../resources/conditions.ts'
import type { Service, ServiceStatus } from '../../resources/generated/types.ts'

/** Of fewer instances each is told. */
const MANY = 20
const EVERY_MS = 500

export class StatusPace {
  readonly #clock: Pick<Clock, 'monotonic'>
  /** When the status of what rolls out was written last, by its uid. Monotonic. */
  readonly #writtenMs = new Map<string, number>()

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** For how long `after` may wait to be written; undefined where it may not. */
  waitMs({ metadata, spec, status: before }: Service, after: ServiceStatus): number | undefined {
    const writtenMs = this.#writtenMs.get(metadata.uid ?? '')
    if (writtenMs === undefined || spec.replicas < MANY || !saysOnlyHowFar(before, after)) return undefined
    const sinceMs = this.#clock.monotonic() - writtenMs
    return sinceMs < EVERY_MS ? EVERY_MS - sinceMs : undefined
  }

  wrote({ metadata }: Service, status: ServiceStatus): void {
    if (isRollingOut(status)) this.#writtenMs.set(metadata.uid ?? '', this.#clock.monotonic())
    else this.forget({ metadata })
  }

  forget({ metadata }: Pick<Service, 'metadata'>): void {
    this.#writtenMs.delete(metadata.uid ?? '')
  }
}

/** Both are of the same rollout, and differ in numbers, and in where instances are, alone. */
export function saysOnlyHowFar(before: ServiceStatus | undefined, after: ServiceStatus): boolean {
  if (before === undefined || !isRollingOut(before) || !isRollingOut(after)) return false
  return deepEqual(withoutNumbers(before), withoutNumbers(after))
}

function isRollingOut({ conditions }: ServiceStatus): boolean {
  return findCondition(conditions, 'Progressing')?.reason === 'RollingOut'
}

function withoutNumbers(status: ServiceStatus): unknown {
  const { replicas, readyReplicas, updatedReplicas, availableReplicas, ready, nodes, url, ...rest } = status
  const conditions = status.conditions?.map(({ message: _, ...said }) => said)
  return { ...rest, conditions }
}
