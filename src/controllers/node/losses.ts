/** When nodes were lost, as far back as that matters; for as long as this process leads. */
import type { Clock } from '../../core/clock.ts'

/** Losses are counted for so long. */
const MEMORY_MS = 600_000
/** Within this many may be lost… */
const WINDOW_MS = 10_000
/** …of all nodes, and two at least. */
const WINDOW_PART = 0.1

export class Losses {
  readonly #clock: Clock
  /** By node, oldest first. */
  readonly #times = new Map<string, number[]>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note(node: string): void {
    this.#times.set(node, [...this.#recent(node, MEMORY_MS), this.#clock.monotonic()])
  }

  /** Of `node`, lately. */
  count(node: string): number {
    return this.#recent(node, MEMORY_MS).length
  }

  /** How many of `nodes` may be declared lost now. */
  allowance(nodes: number): number {
    let lately = 0
    for (const name of this.#times.keys()) lately += this.#recent(name, WINDOW_MS).length
    return Math.max(0, Math.max(2, Math.ceil(nodes * WINDOW_PART)) - lately)
  }

  /** Those that are no more need no memory. */
  retain(nodes: ReadonlySet<string>): void {
    for (const name of this.#times.keys()) if (!nodes.has(name)) this.#times.delete(name)
  }

  #recent(node: string, withinMs: number): number[] {
    const sinceMs = this.#clock.monotonic() - withinMs
    return (this.#times.get(node) ?? []).filter((atMs) => atMs > sinceMs)
  }
}
