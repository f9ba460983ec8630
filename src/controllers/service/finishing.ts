/** Surplus instances that are busy may finish what they do, for a while. */
import type { Clock } from '../../core/clock.ts'
import { parseDurationMs } from '../../core/quantity.ts'
import { isBusy } from '../../resources/busy.ts'
import type { Instance, Service } from '../../resources/generated/types.ts'
import type { InstanceAction } from './views.ts'

export interface Finishing {
  /** What is carried out now. */
  readonly actions: readonly InstanceAction[]
  /** Names of those that go as soon as they are idle. */
  readonly waitsFor: readonly string[]
  /** Look again after so long: the patience with one ends. */
  readonly waitMs: number | undefined
}

/**
 * Holds back the end of those that are busy and only too many, for `patienceMs` each since they were first held back. What is replaced
 * or a duplicate goes in any case. `waitedMs`: by name, by the monotonic clock. Pure.
 */
export function letFinish(
  actions: readonly InstanceAction[],
  isBusy: (name: string) => boolean,
  waitedMs: (name: string) => number,
  patienceMs: number,
): Finishing {
  const waiting = new Map<string, number>()
  for (const action of actions) {
    if (action.kind !== 'delete' || action.reason !== 'surplus' || !isBusy(action.name)) continue
    const leftMs = patienceMs - waitedMs(action.name)
    if (leftMs > 0) waiting.set(action.name, leftMs)
  }
  if (waiting.size === 0) return { actions, waitsFor: [], waitMs: undefined }
  return {
    actions: actions.filter((action) => action.kind !== 'delete' || !waiting.has(action.name)),
    waitsFor: [...waiting.keys()],
    waitMs: Math.min(...waiting.values()),
  }
}

const DEFAULT_PATIENCE = '10m'

/** How long each has been waited for, for as long as this process runs. */
export class Patience {
  readonly #clock: Clock
  /** By the Service's uid, then by the instance's name: since when. */
  readonly #since = new Map<string, Map<string, number>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  hold(service: Service, instances: readonly Instance[], actions: readonly InstanceAction[]): Finishing {
    const uid = service.metadata.uid ?? ''
    const busy = new Set(instances.filter(isBusy).map((one) => one.metadata.name))
    const known = this.#since.get(uid)
    if (busy.size === 0 && known === undefined) return { actions, waitsFor: [], waitMs: undefined }
    const nowMs = this.#clock.monotonic()
    const patienceMs = parseDurationMs(service.spec.scaleDown?.drainTimeout ?? DEFAULT_PATIENCE)
    const finishing = letFinish(
      actions,
      (name) => busy.has(name),
      (name) => nowMs - (known?.get(name) ?? nowMs),
      patienceMs,
    )
    if (finishing.waitsFor.length === 0) this.#since.delete(uid)
    else this.#since.set(uid, new Map(finishing.waitsFor.map((name) => [name, known?.get(name) ?? nowMs])))
    return finishing
  }

  forget(service: Service): void {
    this.#since.delete(service.metadata.uid ?? '')
  }
}
