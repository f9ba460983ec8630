/** A Service in numbers: what the plans say is done to it, and what it waits for happens in any order. */
import * as assert from 'uvu/assert'
import { planInstances } from '../../../../src/controllers/service/plan.ts'
import type { Progress, RolloutInput } from '../../../../src/controllers/service/rollout/progress.ts'
import { rolloutProgress } from '../../../../src/controllers/service/rollout/rollout.ts'
import type { InstanceView } from '../../../../src/controllers/service/views.ts'
import type { ServiceStatus } from '../../../../src/resources/generated/types.ts'
import { resolveCount } from '../../../../src/resources/service/counts.ts'

export interface Happening {
  /** Which of what is pending (an instance becomes available, one is gone) happens next. */
  readonly next: number
  readonly promote?: boolean
  readonly passMs?: number
  readonly measured?: RolloutInput['measured']
}

export class Fleet {
  readonly #spec: RolloutInput['spec']
  readonly #exclusive: boolean
  #now: readonly InstanceView[]
  #serial = 0
  #status: ServiceStatus = { stableHash: 'old', stableRevision: 1 }
  #timeMs = 0
  #sinceMs = new Map<string, number>()
  progress: Progress | undefined
  aborted = false

  constructor(spec: RolloutInput['spec'], exclusive = false) {
    this.#spec = spec
    this.#exclusive = exclusive
    this.#now = Array.from({ length: spec.replicas }, (_, ordinal) => this.#view('old', ordinal, 0, true))
  }

  get step(): number | undefined {
    return this.#status.rollout?.step
  }

  get status(): ServiceStatus {
    return this.#status
  }

  count(hash: string): number {
    return this.#now.filter((one) => one.hash === hash && one.available).length
  }

  get live(): number {
    return this.#now.filter((one) => !one.deleting).length
  }

  get size(): number {
    return this.#now.length
  }

  /** Those that are not ending, available or not. */
  liveOf(hash: string): number {
    return this.#now.filter((one) => one.hash === hash && !one.deleting).length
  }

  /** One of them is gone. */
  lose(hash: string): void {
    const lost = this.#now.find((one) => one.hash === hash && one.available)
    this.#now = this.#now.filter((one) => one !== lost)
  }

  /** One reconcile, and one thing that happens then. */
  turn({ next, promote, passMs = 0, measured }: Happening): void {
    this.#timeMs += passMs
    this.progress = this.#decide(promote === true, measured)
    this.#carryOut(this.progress)
    const pending = this.#now.filter((one) => one.deleting || !one.available)
    const chosen = pending[next % Math.max(1, pending.length)]
    if (chosen === undefined) return
    this.#now = chosen.deleting
      ? this.#now.filter((one) => one !== chosen)
      : this.#now.map((one) => (one === chosen ? { ...one, ready: true, available: true } : one))
  }

  #decide(promote: boolean, measured: RolloutInput['measured']): Progress {
    const of = (hash: string) => this.#now.filter((one) => one.hash === hash && !one.deleting)
    const progress = rolloutProgress({
      spec: this.#spec,
      before: this.#status,
      hash: 'new',
      revision: 2,
      counts: {
        fresh: of('new').length,
        freshAvailable: this.count('new'),
        rest: of('old').length,
        restAvailable: this.count('old'),
      },
      orders: { promote: promote ? this.step : undefined, abort: this.aborted },
      elapsedMs: ({ stepSince = '' }) => this.#elapsed(stepSince),
      measured,
      nowMs: this.#timeMs,
    })
    const { failure, state } = progress
    const { stableHash, stableRevision, failedHash } = this.#status
    const failed = failure === undefined ? failedHash : 'new'
    this.#status = {
      ...{ stableHash, stableRevision },
      ...(failed !== undefined && { failedHash: failed }),
      ...(state !== undefined && failed === undefined && { rollout: state }),
    }
    return progress
  }

  #elapsed(since: string): number {
    const sinceMs = this.#sinceMs.get(since) ?? this.#timeMs
    this.#sinceMs.set(since, sinceMs)
    return this.#timeMs - sinceMs
  }

  #carryOut({ split }: Progress): void {
    const { replicas, update } = this.#spec
    const isGivenUp = this.#status.failedHash !== undefined
    const desired = {
      replicas,
      hash: isGivenUp ? 'old' : 'new',
      strategy: 'Rolling' as const,
      maxSurge: resolveCount(update.maxSurge, replicas, 'up'),
      maxUnavailable: resolveCount(update.maxUnavailable, replicas, 'down'),
      exclusive: this.#exclusive,
      split: isGivenUp ? undefined : split,
    }
    for (const action of planInstances(desired, this.#now)) {
      if (action.kind === 'delete') {
        this.#now = this.#now.map((one) =>
          one.name === action.name ? { ...one, deleting: true, ready: false, available: false } : one,
        )
        continue
      }
      const { hash, ordinal, attempt } = action
      if (this.#exclusive)
        assert.not(
          this.#now.some((one) => one.ordinal === ordinal),
          'an exclusive ordinal runs twice',
        )
      this.#now = [...this.#now, this.#view(hash, ordinal, attempt, false)]
    }
  }

  #view(hash: string, ordinal: number, attempt: number, available: boolean): InstanceView {
    const name = `${hash}-${this.#serial++}`
    return { name, hash, ordinal, attempt, deleting: false, ready: available, available }
  }
}
