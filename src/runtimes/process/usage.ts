/** CPU, memory and io of what runs, in one look at the process table. */
import type { ProgramUsage, UsageOptions } from '../runtime.ts'
import type { Attempt } from './attempt.ts'
import type { Machine } from './machine.ts'
import { membersOf, type ProcessEntry } from './table.ts'

type Io = NonNullable<ProgramUsage['io']>

interface Highest {
  readonly run: string
  readonly cpuMs: number
  readonly io: Io | undefined
}

/**
 * CPU time and io count the processes of the present attempt and the children that they have waited for; those that ended as orphans drop
 * out, so the highest figure of an attempt is kept. Memory is resident memory; pages that processes share are counted in each.
 */
export class UsageMeter {
  readonly #machine: Machine
  #highest = new Map<string, Highest>()

  constructor(machine: Machine) {
    this.#machine = machine
  }

  async measure(
    running: readonly { readonly key: string; readonly attempt: Attempt }[],
    { io: wantsIo = false }: UsageOptions = {},
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
      const same = last?.run === run ? last : undefined
      const highest = Math.max(cpuMs, same?.cpuMs ?? 0)
      const io = wantsIo ? higher(this.#ioOf(members), same?.io) : same?.io
      this.#highest.set(key, { run, cpuMs: highest, io })
      return {
        key,
        cpuMs: highest,
        memoryBytes: members.reduce((sum, entry) => sum + entry.memoryBytes, 0),
        ...(wantsIo && io !== undefined ? { io } : {}),
      }
    })
  }

  #ioOf(members: readonly ProcessEntry[]): Io | undefined {
    const { table } = this.#machine
    const all = members.flatMap(({ pid }) => table.io?.(pid) ?? [])
    if (all.length === 0) return undefined
    return {
      readBytes: all.reduce((sum, one) => sum + one.readBytes, 0),
      writtenBytes: all.reduce((sum, one) => sum + one.writtenBytes, 0),
    }
  }
}

function higher(now: Io | undefined, before: Io | undefined): Io | undefined {
  if (now === undefined || before === undefined) return now ?? before
  return {
    readBytes: Math.max(now.readBytes, before.readBytes),
    writtenBytes: Math.max(now.writtenBytes, before.writtenBytes),
  }
}
