/** Ending an instance's programs: because its end was asked for, because one is unhealthy, or because its run is over. */
import { parseDurationMs } from '../../core/quantity.ts'
import type { Instance } from '../../resources/generated/types.ts'
import { programKey, type Runtime } from '../../runtimes/runtime.ts'
import type { Announcer } from '../catalog/announcer.ts'
import type { PortAllocator } from '../ports.ts'
import type { Given } from './given.ts'
import type { Places } from './places.ts'
import type { InstancePlan, ProgramAction } from './plan.ts'
import type { InstanceRecord } from './record.ts'
import { programIds } from './specs.ts'

export interface EnderOptions {
  readonly runtime: Pick<Runtime, 'stop' | 'forget'>
  readonly ports: PortAllocator
  readonly places: Places
  readonly given: Given
  /** Told before programs are ended. */
  readonly announcer?: Pick<Announcer, 'withdraw'>
}

export class Ender {
  readonly #options: EnderOptions

  constructor(options: EnderOptions) {
    this.#options = options
  }

  /** Its end was asked for. */
  async end(record: InstanceRecord, instance: Instance, plan: InstancePlan): Promise<void> {
    const { announcer, ports, places, given } = this.#options
    const ids = programIds(instance).filter((id) => places.holds(record, programKey(id)))
    // nobody shall be sent to what is about to end
    await announcer?.withdraw(instance)
    // whoever comes after it may be here before it is gone from the store
    if (plan.stopped) ports.releaseFixed(record.uid)
    if (plan.stopped) await given.forget(ids)
    await this.#carryOut(instance, plan.actions, ids)
  }

  /** What is left of a run that is over. */
  async clear(instance: Instance, actions: readonly ProgramAction[]): Promise<void> {
    await this.#carryOut(instance, actions, programIds(instance))
  }

  /** Ends what failed its liveness probe; it is started again when it has ended. */
  async restartUnhealthy(
    record: InstanceRecord,
    instance: Instance,
    actions: readonly ProgramAction[],
  ): Promise<void> {
    const ids = programIds(instance)
    for (const action of actions) {
      if (action.kind !== 'restart') continue
      const index = record.programs.findIndex((one) => one.name === action.name)
      const [program, id] = [record.programs[index], ids[index]]
      if (program === undefined || id === undefined) continue
      const reason = program.liveness?.message ?? 'its liveness probe failed'
      await this.#options.announcer?.withdraw(instance)
      await this.#options.runtime.stop(id, stopOptions(instance))
      program.endingFor = reason
      program.liveness = undefined
    }
  }

  async #carryOut(
    instance: Instance,
    actions: readonly ProgramAction[],
    ids: ReturnType<typeof programIds>,
  ): Promise<void> {
    for (const action of actions) {
      const id = ids.find((one) => one.program === action.name)
      if (id === undefined) continue
      if (action.kind === 'stop') await this.#options.runtime.stop(id, stopOptions(instance))
      if (action.kind === 'forget') await this.#options.runtime.forget(id)
    }
  }
}

function stopOptions(instance: Instance): { readonly graceMs: number; readonly signal: string } {
  const { signal, gracePeriod } = instance.spec.template.stop
  return { signal, graceMs: parseDurationMs(gracePeriod) }
}
