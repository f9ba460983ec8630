/**
 * Before an instance is ended: load balancers stop leading requests to it, and it finishes those that it is in the middle of. How long both may
 * take together is said with the instance.
 */
import type { Clock } from '../../core/clock.ts'
import { parseDurationMs } from '../../core/quantity.ts'
import type { Instance } from '../../resources/generated/types.ts'
import { type CountConnections, countConnections } from './connections.ts'

/** That nothing is led to it any more is told by a change of the instance; this is for the timeout. */
const LED_LOOK_MS = 1_000
const FINISH_LOOK_MS = 100

export class Drain {
  readonly #clock: Clock
  readonly #count: CountConnections
  /** When each began, by uid; monotonic. */
  readonly #beganMs = new Map<string, number>()

  constructor(clock: Clock, count: CountConnections = countConnections) {
    this.#clock = clock
    this.#count = count
  }

  /** How long to wait before it is asked again; undefined where it may be ended now. */
  async waitMs({ metadata, spec, status }: Instance): Promise<number | undefined> {
    const { traffic } = spec
    if (traffic === undefined) return undefined
    const uid = metadata.uid ?? ''
    const nowMs = this.#clock.monotonic()
    const beganMs = this.#beganMs.get(uid) ?? nowMs
    this.#beganMs.set(uid, beganMs)
    const leftMs = beganMs + parseDurationMs(traffic.drainTimeout) - nowMs
    if (leftMs <= 0) return undefined
    if (traffic.led) return Math.min(LED_LOOK_MS, leftMs)
    const ports = new Set((status?.ports ?? []).map(({ port }) => port))
    const connections = await this.#count(ports)
    return connections === undefined || connections === 0 ? undefined : Math.min(FINISH_LOOK_MS, leftMs)
  }

  forget(uid: string): void {
    this.#beganMs.delete(uid)
  }
}
