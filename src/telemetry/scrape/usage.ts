/** What nodes and their instances use right now, for people: each node is looked at twice, a second apart, and then once each time it is asked for. */
import { type Clock, delay } from '../../core/clock.ts'
import { isNsctlError, messageOf } from '../../core/errors.ts'
import type { Node } from '../../resources/generated/types.ts'
import type { FetchMetrics, NodeTarget } from './fetch.ts'
import { MACHINE_NAMES, type MachineCounts, machineCpuMillis, readMachine } from './machine.ts'
import { CPU, FRESH_MS, memoryOf, rateOf, type Scrape } from './rates.ts'
import { READ_NAMES, readCounts } from './sample.ts'
import { Turns } from './turns.ts'

/** What is left out is not known. */
export interface Used {
  /** Thousandths of a core. */
  readonly cpuMillis?: number
  readonly memoryBytes?: number
}

/** Why nothing is known of a node, and what can be done about it. */
export interface Trouble {
  readonly trouble: string
  readonly next?: string
}

/** Of `node`, whose name is not said again: each line of figures begins with it. */
export function troubleOf(error: unknown, node: string): Trouble {
  const next = isNsctlError(error) ? error.next : undefined
  const message = messageOf(error)
  const name = `node ${node}: `
  return {
    trouble: message.startsWith(name) ? message.slice(name.length) : message,
    ...(next === undefined ? {} : { next }),
  }
}

/** Of one node: what it and its instances use, or why that is not known. */
export type NodeUsage =
  | Trouble
  | {
      /** The wall clock's time of the last look, and how long before it CPU is counted from. */
      readonly atMs: number
      readonly windowMs: number
      readonly machine: Used
      /** By namespace/name. */
      readonly instances: ReadonlyMap<string, Used>
    }

/** What a Client needs of it. */
export interface UsageReader {
  /** By the names of `nodes`, of which none is missing. Rejects with the signal's reason only. */
  look(nodes: readonly Node[], signal: AbortSignal): Promise<ReadonlyMap<string, NodeUsage>>
  close(): void
}

export interface UsageLooksOptions {
  readonly clock: Clock
  readonly fetch: FetchMetrics
}

interface Look extends Scrape {
  readonly machine: MachineCounts
}

/** CPU is an average over so long, where it was looked for so long. */
const WINDOW_MS = 15_000
/** A node that has not answered by then is one that does not answer. */
const TIMEOUT_MS = 5_000
/** So many nodes are asked at once. */
const AT_ONCE = 32
const NAMES = [...MACHINE_NAMES, ...READ_NAMES]

export class UsageLooks {
  readonly #options: UsageLooksOptions
  /** By node, oldest first. */
  readonly #looks = new Map<string, readonly Look[]>()
  readonly #turns = new Turns(AT_ONCE)

  constructor(options: UsageLooksOptions) {
    this.#options = options
  }

  /** By the names of `targets`. Takes a second where one of them was never looked at. Rejects with the signal's reason only. */
  async look(targets: readonly NodeTarget[], signal: AbortSignal): Promise<ReadonlyMap<string, NodeUsage>> {
    const troubles = await this.#lookAt(targets, signal)
    const fresh = targets.filter(({ node }) => this.#looks.get(node)?.length === 1)
    if (fresh.length > 0) {
      // a timer may be early by a fraction of a millisecond
      await delay(this.#options.clock, FRESH_MS + 10, signal)
      for (const [node, trouble] of await this.#lookAt(fresh, signal)) troubles.set(node, trouble)
    }
    signal.throwIfAborted()
    return new Map(
      targets.map(({ node }) => {
        const trouble = troubles.get(node)
        return [node, trouble ?? usageOf(this.#looks.get(node) ?? [])]
      }),
    )
  }

  /** Looks once. Resolves to why those nodes say nothing that do not. */
  async #lookAt(targets: readonly NodeTarget[], signal: AbortSignal): Promise<Map<string, Trouble>> {
    const troubles = new Map<string, Trouble>()
    await Promise.all(
      targets.map((target) =>
        this.#turns.take(async () => {
          try {
            if (!signal.aborted) await this.#lookAtOne(target, signal)
          } catch (error) {
            this.#looks.delete(target.node)
            troubles.set(target.node, troubleOf(error, target.node))
          }
        }),
      ),
    )
    signal.throwIfAborted()
    return troubles
  }

  async #lookAtOne(target: NodeTarget, signal: AbortSignal): Promise<void> {
    const { clock, fetch } = this.#options
    const { node } = target
    const limit = AbortSignal.timeout(TIMEOUT_MS)
    const text = await fetch(target, NAMES, AbortSignal.any([signal, limit])).catch((error: unknown) => {
      if (limit.aborted) throw new Error(`it has not answered within ${TIMEOUT_MS / 1_000} s`)
      throw error
    })
    const now: Look = {
      ...{ atMs: clock.monotonic(), wallMs: clock.now() },
      ...{ counts: readCounts(text, node), machine: readMachine(text, node) },
    }
    const before = this.#looks.get(node) ?? []
    const first = before.findLastIndex(({ atMs }) => now.atMs - atMs >= WINDOW_MS)
    this.#looks.set(node, [...before.slice(Math.max(0, first)), now])
  }
}

function usageOf(looks: readonly Look[]): NodeUsage {
  const [first, last] = [looks[0], looks.at(-1)]
  if (first === undefined || last === undefined) return { trouble: 'it was not asked' }
  // whoever answers at its address is not that node
  if (last.machine.cpu === undefined && last.machine.memory === undefined && last.counts.size === 0)
    return { trouble: 'what answers at its address says nothing of it' }
  const windowMs = last.atMs - first.atMs
  const { memory } = last.machine
  return {
    ...{ atMs: last.wallMs, windowMs },
    machine: used(
      machineCpuMillis(first.machine, last.machine, windowMs),
      memory && memory.sizeBytes - memory.availableBytes,
    ),
    instances: new Map(
      Array.from(last.counts.keys(), (key) => [
        key,
        used(rateOf(key, looks, CPU)?.value, memoryOf(key, looks)?.value),
      ]),
    ),
  }
}

function used(cpuMillis: number | undefined, memoryBytes: number | undefined): Used {
  return {
    ...(cpuMillis === undefined ? {} : { cpuMillis: Math.round(cpuMillis) }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  }
}
