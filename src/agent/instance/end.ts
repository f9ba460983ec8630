/** Ending an instance's programs: because its end was asked for, because one is unhealthy, or because its run is over. */
import { parseDurationMs } from '../../core/quantity.ts'
import type { Instance } from '../../resources/generated/types.ts'
import { programKey, type Runtime } from '../../runtimes/runtime.ts'
import type { Announcer } from '../catalog/announcer.ts'
import type { PortAllocator } from '../ports.ts'
import type { Drain } from './drain.ts'
import type { Given } from './given.ts'
import type { Places } from './places.ts'
import type { InstancePlan, ProgramAction } from './plan.ts'
import { type InstanceRecord, unhealthyOf } from './record.ts'
import { programIds } from './specs.ts'

export interface EnderOptions {
  readonly runtime: Pick<Runtime, 'stop' | 'forget'>
  readonly ports: PortAllocator
  readonly places: Places
  readonly given: Given
  readonly drain: Pick<Drain, 'waitMs' | 'forget'>
  /** Told before programs are ended. */
  readonly announcer?: Pick<Announcer, 'withdraw'>
}

export class Ender {
  readonly #options: EnderOptions

  constructor(options: EnderOptions) {
    this.#options = options
  }

  /** Its end was asked for. Returns how long to wait before this is called again; undefined where all is done that can be. */
  async end(record: InstanceRecord, instance: Instance, plan: InstancePlan): Promise<number | undefined> {
    const { announcer, ports, places, given, drain } = this.#options
    const ids = programIds(instance).filter((id) => places.holds(record, programKey(id)))
    // nobody shall be sent to what is about to end
    await announcer?.withdraw(instance)
    const stops = plan.actions.some(({ kind }) => kind === 'stop')
    const waitMs = stops ? await drain.waitMs(instance) : undefined
    if (waitMs !== undefined) return waitMs
    // whoever comes after it may be here before it is gone from the store
    if (plan.stopped) ports.releaseFixed(record.uid)
    if (plan.stopped) await given.forget(ids)
    if (plan.stopped) drain.forget(record.uid)
    await this.#carryOut(instance, plan.actions, ids)
    return undefined
  }

  /** What is left of a run that is over. */
  async clear(instance: Instance, actions: readonly ProgramAction[]): Promise<void> {
    await this.#carryOut(instance, actions, programIds(instance))
  }

  /** Ends what failed its liveness or startup probe; it is started again when it has ended. */
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
      const unhealthy = unhealthyOf(program)
      if (unhealthy === undefined) continue
      await this.#options.announcer?.withdraw(instance)
      await this.#options.runtime.stop(id, stopOptions(instance))
      program.endingFor = unhealthy
      program.liveness = undefined
      program.startup = undefined
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
