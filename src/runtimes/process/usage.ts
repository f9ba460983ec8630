/** CPU and memory of what runs, in one look at the process table. */
import type { ProgramUsage } from '../runtime.ts'
import type { Attempt } from './attempt.ts'
import type { Machine } from './machine.ts'
import { membersOf } from './table.ts'

/**
 * CPU time counts the processes of the present attempt and the children that they have waited for; those that ended as orphans drop
 * out, so the highest figure of an attempt is kept. Memory is resident memory; pages that processes share are counted in each.
 */
export class UsageMeter {
  readonly #machine: Machine
  #highest = new Map<string, { readonly run: string; readonly cpuMs: number }>()

  constructor(machine: Machine) {
    this.#machine = machine
  }

  async measure(
    running: readonly { readonly key: string; readonly attempt: Attempt }[],
  ): Promise<readonly ProgramUsage[]> {
    const snapshot = await this.#machine.processes()
    const before = this.#highest
    this.#highest = new Map()
    return running.flatMap(({ key, attempt }) => {
      const { claim, ownsSession } = attempt
      const { run } = attempt.paths
      const members = membersOf(snapshot, { run, claim, ownsSession })
      if (members.length === 0) return []
      const last = before.get(key)
      const cpuMs = members.reduce((sum, entry) => sum + entry.cpuMs, 0)
      const highest = Math.max(cpuMs, last?.run === run ? last.cpuMs : 0)
      this.#highest.set(key, { run, cpuMs: highest })
      return {
        key,
        cpuMs: highest,
        memoryBytes: members.reduce((sum, entry) => sum + entry.memoryBytes, 0),
      }
    })
  }
}
