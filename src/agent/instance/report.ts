/** Writes the status of an instance, where there is news, and when it is worth a write. */
import type { ResourceController } from '../../api/api.ts'
import { seenRef } from '../../api/seen.ts'
import type { Clock } from '../../core/clock.ts'
import { deepEqual, type Json } from '../../core/json.ts'
import type { Instance, InstanceStatus } from '../../resources/generated/types.ts'
import type { ObjectRef } from '../../resources/object.ts'
import { programsOf } from '../../resources/template.ts'
import type { ObservedProgram, Runtime } from '../../runtimes/runtime.ts'
import type { Announcer } from '../catalog/announcer.ts'
import { announceReady, type InstanceEvent } from './announce.ts'
import type { InstancePlan } from './plan.ts'
import { type InstanceRecord, noteStartup } from './record.ts'
import { runsOnce } from './run-once.ts'
import { soonMs } from './soon.ts'
import { instanceStatus } from './status.ts'

export interface ReporterOptions {
  readonly api: Pick<ResourceController, 'updateStatus'>
  readonly runtime: Pick<Runtime, 'info'>
  readonly clock: Clock
  readonly announcer?: Pick<Announcer, 'welcome' | 'retract' | 'conditionOf'>
  /** What runs of an instance. */
  readonly observed: (record: InstanceRecord) => ReadonlyMap<string, ObservedProgram>
  readonly tell: (instance: Instance, event: InstanceEvent) => Promise<void>
}

/** What is reported of, and what is about to be done to it. */
export interface Reported {
  readonly ref: ObjectRef
  readonly instance: Instance
  readonly record: InstanceRecord
  readonly plan: InstancePlan
}

export class Reporter {
  readonly #options: ReporterOptions

  constructor(options: ReporterOptions) {
    this.#options = options
  }

  /** Returns in how many milliseconds to come again, where what there is to write may wait. */
  async report(reported: Reported): Promise<number | undefined> {
    const { clock, api, tell } = this.#options
    const { ref, instance, record } = reported
    const status = await this.#statusToWrite(reported)
    const { written, programs, endingSinceMs } = record
    if (deepEqual(status, written)) return undefined
    const hasReadiness = asks(instance, 'readiness')
    const waitMs = soonMs({ status, written, programs, hasReadiness, endingSinceMs, nowMs: clock.now() })
    if (waitMs !== undefined) return waitMs
    await api.updateStatus(seenRef(instance, ref), status as unknown as Json)
    record.written = status
    if (status.ready === true && written?.ready !== true) await tell(instance, announceReady(status))
    return undefined
  }

  /** Of what has become ready with what the catalog says to it, which would be a write of its own. */
  async #statusToWrite(reported: Reported): Promise<InstanceStatus> {
    const { clock, announcer } = this.#options
    const { instance, record } = reported
    const nowMs = clock.now()
    let status = this.#statusOf(reported, nowMs)
    if (status.ready === true && record.written?.ready !== true) {
      noteStartup(record, status, nowMs)
      await announcer?.welcome(instance, status)
      // ready since then: by that the announcer tells it from one that becomes ready anew
      status = this.#statusOf(reported, nowMs)
    }
    if (status.ready !== true) announcer?.retract(instance)
    return status
  }

  #statusOf({ instance, record, plan }: Reported, nowMs: number): InstanceStatus {
    const { runtime, announcer, observed } = this.#options
    return instanceStatus({
      instance,
      record,
      observed: observed(record),
      hasReadiness: asks(instance, 'readiness'),
      hasStartup: asks(instance, 'startup'),
      info: runtime.info,
      stopped: plan.stopped,
      waiting: plan.waitMs !== undefined,
      registered: (ready) => announcer?.conditionOf(instance, ready, record.written),
      nowMs,
    })
  }
}

/** Which programs are probed so. */
function asks(instance: Instance, kind: 'readiness' | 'startup'): (program: string) => boolean {
  const asked = runsOnce(instance) ? [] : programsOf(instance.spec.template)
  return (name) => asked.some((one) => one.name === name && one[kind] !== undefined)
}
