/**
 * Durations that a Service's verdicts rest on, by the monotonic clock, for as long as this process runs: how long an
 * instance has been ready, how long one has not, how long a rollout takes. A jump of the wall clock changes none of them.
 */
import type { Clock } from '../../core/clock.ts'
import type { Instance, Service } from '../../resources/generated/types.ts'
import { hasReadinessProbe } from './instances.ts'
import { isFurther, type Reached } from './rollout/deadline.ts'

/** What is timed for one Service while something is being waited for. */
interface Times {
  /** By the uid of the instance: when it was first seen unavailable. */
  readonly unavailable: Map<string, number>
  /** By the uid of the instance: when it was first seen ready, and which time of being ready that was. */
  readonly ready: Map<string, { readonly since: string; readonly atMs: number }>
  rollout: { readonly hash: string; readonly sinceMs: number } | undefined
  /** How far a change has come, and since when no further. */
  progress: { readonly reached: Reached; readonly atMs: number } | undefined
  /** The step of a rollout that began then. */
  step: { readonly since: string; readonly atMs: number } | undefined
}

export class Timekeeper {
  readonly #clock: Clock
  readonly #unprobedSettleMs: number
  readonly #times = new Map<string, Times>()
  /** Instances that have proven themselves, by uid, and since when they have been ready: later, and they have to anew. */
  readonly #proven = new Map<string, string>()

  constructor(clock: Clock, unprobedSettleMs: number) {
    this.#clock = clock
    this.#unprobedSettleMs = unprobedSettleMs
  }

  /** Whether the instance has been ready for as long as its Service asks. */
  isAvailable(service: Service, instance: Instance): boolean {
    const uid = instance.metadata.uid ?? ''
    if (instance.status?.ready !== true || instance.metadata.deletionTimestamp !== undefined) {
      this.#proven.delete(uid)
      this.#times.get(keyOf(service))?.ready.delete(uid)
      return false
    }
    const since = instance.status.readySince ?? ''
    if (this.#proven.get(uid) === since) return true
    if (this.#readyMs(service, instance) < this.#neededMs(service, instance)) return false
    this.#proven.set(uid, since)
    this.#times.get(keyOf(service))?.unavailable.delete(uid)
    return true
  }

  #neededMs(service: Service, instance: Instance): number {
    const askedMs = service.spec.update.minReadySeconds * 1000
    return hasReadinessProbe(instance) ? askedMs : Math.max(askedMs, this.#unprobedSettleMs)
  }

  /** Before this process watched it, only the wall clock tells how long an instance has been ready. */
  #readyMs(service: Service, instance: Instance): number {
    const { ready } = this.#timesOf(service)
    const uid = instance.metadata.uid ?? ''
    const nowMs = this.#clock.monotonic()
    const since = instance.status?.readySince ?? ''
    const seen = ready.get(uid)
    if (seen?.since === since) return nowMs - seen.atMs
    const knownMs = Math.max(0, this.#clock.now() - Date.parse(since))
    const beforeMs = seen !== undefined || Number.isNaN(knownMs) ? 0 : knownMs
    ready.set(uid, { since, atMs: nowMs - beforeMs })
    return beforeMs
  }

  /** Milliseconds since the instance was first seen unavailable. */
  unavailableMs(service: Service, instance: Instance): number {
    return this.#since(this.#timesOf(service).unavailable, instance.metadata.uid ?? '')
  }

  /** Milliseconds since a rollout to this template was first seen. */
  rolloutMs(service: Service, hash: string): number {
    const times = this.#timesOf(service)
    if (times.rollout?.hash !== hash) times.rollout = { hash, sinceMs: this.#clock.monotonic() }
    return this.#clock.monotonic() - times.rollout.sinceMs
  }

  /** Milliseconds since the step of a rollout began, `since` by the wall clock: which counts only as long as nobody watched. */
  stepMs(service: Service, since: string): number {
    const times = this.#timesOf(service)
    const nowMs = this.#clock.monotonic()
    if (times.step?.since !== since) {
      const knownMs = Math.max(0, this.#clock.now() - Date.parse(since))
      times.step = { since, atMs: nowMs - (Number.isNaN(knownMs) ? 0 : knownMs) }
    }
    return nowMs - times.step.atMs
  }

  /** Milliseconds since a change has come further than it is. */
  stillMs(service: Service, reached: Reached): number {
    const times = this.#timesOf(service)
    const nowMs = this.#clock.monotonic()
    const before = times.progress
    const isStill = before !== undefined && !isFurther(before.reached, reached)
    times.progress = { reached, atMs: isStill ? before.atMs : nowMs }
    return nowMs - times.progress.atMs
  }

  /** Nothing is being waited for any more. */
  settle(service: Service): void {
    this.#times.delete(keyOf(service))
  }

  /** Instances that are gone need no time. */
  retain(service: Service, instances: readonly Instance[]): void {
    const times = this.#times.get(keyOf(service))
    if (times === undefined) return
    const uids = new Set(instances.map((one) => one.metadata.uid))
    for (const map of [times.unavailable, times.ready]) {
      for (const uid of map.keys()) if (!uids.has(uid)) map.delete(uid)
    }
  }

  #since(map: Map<string, number>, uid: string): number {
    const nowMs = this.#clock.monotonic()
    const sinceMs = map.get(uid) ?? nowMs
    map.set(uid, sinceMs)
    return nowMs - sinceMs
  }

  #timesOf(service: Service): Times {
    const key = keyOf(service)
    let times = this.#times.get(key)
    if (times === undefined) {
      times = {
        unavailable: new Map(),
        ready: new Map(),
        rollout: undefined,
        step: undefined,
        progress: undefined,
      }
      this.#times.set(key, times)
    }
    return times
  }
}

function keyOf(service: Service): string {
  return service.metadata.uid ?? ''
}
