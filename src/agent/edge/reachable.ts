/**
 * Which instances on other nodes can be connected to from here. A machine that dies says nothing, and is judged lost only after a grace period; Caddy
 * passes over what it cannot connect to, but not with every request.
 */
import { type Clock, delay } from '../../core/clock.ts'
import type { Backend } from '../../traffic/balancer.ts'
import type { Listens } from '../catalog/reach.ts'

export interface ReachableOptions {
  readonly clock: Clock
  readonly isListening: Listens
  /** One has become reachable, or is not any more. */
  readonly onChange: () => void
}

const PERIOD_MS = 1_000
/** What did not answer once is looked at again sooner: until it is out requests are led there. */
const SUSPECTED_MS = 200
/** So many times in a row it could not be connected to. */
const FAILURES = 2
const AT_A_TIME = 64

export class Reachable {
  readonly #options: ReachableOptions
  /** Failures in a row, by address and port. */
  #failures = new Map<string, number>()

  constructor(options: ReachableOptions) {
    this.#options = options
  }

  /** What is looked at from now on. */
  watch(backends: readonly Backend[]): void {
    this.#failures = new Map(backends.map((one) => [keyOf(one), this.#failures.get(keyOf(one)) ?? 0]))
  }

  /** Those that can be reached, as far as is known; all where none can: then it is more likely that it is this node. */
  of<T extends Backend>(backends: readonly T[]): readonly T[] {
    const reached = backends.filter((one) => (this.#failures.get(keyOf(one)) ?? 0) < FAILURES)
    return reached.length === 0 ? backends : reached
  }

  /** Looks at all of them over and over until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look(signal)
      const isSuspected = [...this.#failures.values()].some((count) => count > 0 && count < FAILURES)
      const afterMs = isSuspected ? SUSPECTED_MS : PERIOD_MS
      await delay(this.#options.clock, afterMs, signal).catch(() => undefined)
    }
  }

  /** Looks at each once. */
  async look(signal: AbortSignal): Promise<void> {
    const keys = [...this.#failures.keys()]
    for (let at = 0; at < keys.length; at += AT_A_TIME)
      await Promise.all(keys.slice(at, at + AT_A_TIME).map((key) => this.#lookAt(key, signal)))
  }

  async #lookAt(key: string, signal: AbortSignal): Promise<void> {
    const [host = '', port] = key.split(' ')
    const answers = await this.#options.isListening(host, Number(port), signal)
    const before = this.#failures.get(key)
    // it may have been given up meanwhile
    if (before === undefined || signal.aborted) return
    const now = answers ? 0 : before + 1
    this.#failures.set(key, now)
    if (now >= FAILURES !== before >= FAILURES) this.#options.onChange()
  }
}

function keyOf({ address, port }: Backend): string {
  return `${address} ${port}`
}
