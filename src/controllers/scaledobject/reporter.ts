/** Writes a ScaledObject's status when it is worth it: a condition that goes to and fro must not cost a write with each poll. */
import type { ResourceController, ResourceReader } from '../../api/api.ts'
import type { Json } from '../../core/json.ts'
import type { ScaledObject, ScaledObjectStatus } from '../../resources/generated/types.ts'
import { refOfObject } from '../../resources/object.ts'
import { POLL_REQUESTED } from '../../resources/scaler-annotations.ts'
import type { ScalingTimes } from '../../scaling/times.ts'
import { statusEvents } from './announce.ts'
import { type StatusFacts, scaledObjectStatus, worthWriting } from './status.ts'

export type StatusApi = Pick<ResourceController, 'updateStatus' | 'recordEvent'> & Pick<ResourceReader, 'get'>

/** What there is to say. */
export interface Said
  extends Pick<
    StatusFacts,
    'object' | 'problem' | 'triggers' | 'pause' | 'decision' | 'refusal' | 'replicas'
  > {
  /** What the Service asked for before it was taken over, where that happens now. */
  readonly original?: number
  /** On the steady timeline. */
  readonly lastActiveMs: number | undefined
}

/** So many writes of what is not urgent at once, and one more for each so long. */
const BURST = 4
const REFILL_MS = 60_000

/** What is kept of a status. */
export type WrittenStatus = Omit<ScaledObjectStatus, 'decision'>

export class Reporter {
  readonly #api: StatusApi
  readonly #times: ScalingTimes
  /** As it was written last, which the cache may not show yet; without the decision: there are ten thousand of these. */
  #written: WrittenStatus | undefined
  #lastScaleTime: string | undefined
  /** The request for a look that the last look answers. */
  #polledFor: string | undefined
  #tokens = BURST
  #filledAtMs: number

  constructor(api: StatusApi, times: ScalingTimes, stored: ScaledObjectStatus | undefined) {
    this.#api = api
    this.#times = times
    this.#written = stored && withoutDecision(stored)
    this.#lastScaleTime = stored?.lastScaleTime
    this.#polledFor = stored?.polledFor
    this.#filledAtMs = times.steadyMs()
  }

  get written(): WrittenStatus | undefined {
    return this.#written
  }

  /** The request for a look that is not answered yet. */
  requestOf({ metadata: { annotations } }: ScaledObject): string | undefined {
    const request = annotations?.[POLL_REQUESTED]
    return request === this.#polledFor ? undefined : request
  }

  answered(request: string | undefined): void {
    this.#polledFor = request ?? this.#polledFor
  }

  scaled(): void {
    this.#lastScaleTime = this.#times.text()
  }

  /** Returns whether it was written; what was not is written with the next change. */
  async report({ original, lastActiveMs, ...said }: Said): Promise<boolean> {
    const { object } = said
    const before = this.#written
    const isDone = said.decision !== undefined && said.refusal === undefined
    const status = scaledObjectStatus({
      ...said,
      before,
      stored: isDone ? undefined : await this.stored(object),
      originalReplicaCount: original ?? before?.originalReplicaCount,
      lastScaleTime: this.#lastScaleTime,
      lastActiveTime:
        lastActiveMs === undefined
          ? before?.lastActiveTime
          : new Date(this.#times.wallOfSteady(lastActiveMs)).toISOString(),
      polledFor: this.#polledFor,
      now: this.#times.text(),
    })
    const worth = worthWriting(before, status)
    if (worth === 'no' || (worth === 'soon' && !this.#takeToken())) return false
    const { namespace, name, uid } = object.metadata
    await this.#api.updateStatus({ kind: 'ScaledObject', namespace, name, uid }, status as unknown as Json)
    this.#written = withoutDecision(status)
    for (const event of statusEvents(object, before, status)) await this.#api.recordEvent(event)
    return true
  }

  /** The cache leaves it out. */
  async stored(object: ScaledObject): Promise<ScaledObjectStatus['decision']> {
    if (this.#written?.desiredReplicas === undefined) return undefined
    return (await this.#api.get<ScaledObject>(refOfObject(object)))?.status?.decision
  }

  #takeToken(): boolean {
    const nowMs = this.#times.steadyMs()
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
