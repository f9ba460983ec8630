/** Writes a ScaledObject's status when it is worth it: a condition that goes to and fro must not cost a write with each poll. */
import type { ResourceController } from '../../api/api.ts'
import type { Json } from '../../core/json.ts'
import type { ScaledObject, ScaledObjectStatus } from '../../resources/generated/types.ts'
import { statusEvents } from './announce.ts'
import { worthWriting } from './status.ts'

export type StatusApi = Pick<ResourceController, 'updateStatus' | 'recordEvent'>

/** So many writes of what is not urgent at once, and one more for each so long. */
const BURST = 4
const REFILL_MS = 60_000

/** What is kept of a status. */
export type WrittenStatus = Omit<ScaledObjectStatus, 'decision'>

export class StatusWriter {
  readonly #api: StatusApi
  readonly #steadyMs: () => number
  /** As it was written last, which the cache may not show yet; without the decision: there are ten thousand of these. */
  #written: WrittenStatus | undefined
  #tokens = BURST
  #filledAtMs: number

  constructor(api: StatusApi, steadyMs: () => number, stored: ScaledObjectStatus | undefined) {
    this.#api = api
    this.#steadyMs = steadyMs
    this.#written = stored && withoutDecision(stored)
    this.#filledAtMs = steadyMs()
  }

  get written(): WrittenStatus | undefined {
    return this.#written
  }

  /** Returns whether it was written; what was not is written with the next change. */
  async write(object: ScaledObject, status: ScaledObjectStatus): Promise<boolean> {
    const before = this.#written
    const worth = worthWriting(before, status)
    if (worth === 'no' || (worth === 'soon' && !this.#takeToken())) return false
    const { namespace, name, uid } = object.metadata
    await this.#api.updateStatus({ kind: 'ScaledObject', namespace, name, uid }, status as unknown as Json)
    this.#written = withoutDecision(status)
    for (const event of statusEvents(object, before, status)) await this.#api.recordEvent(event)
    return true
  }

  #takeToken(): boolean {
    const nowMs = this.#steadyMs()
    this.#tokens = Math.min(BURST, this.#tokens + (nowMs - this.#filledAtMs) / REFILL_MS)
    this.#filledAtMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}

function withoutDecision({ decision: _, ...rest }: ScaledObjectStatus): WrittenStatus {
  return rest
}
