/**
 * A steady load: so many requests a second are due, whether or not those before them were answered, and each is timed from when it was due. So an outage
 * costs every request that would have come in it, and not only those that were under way (coordinated omission).
 */
import { Agent } from 'node:http'
import { ask } from './load.ts'

export interface SteadyOptions {
  /** Asked in turn. */
  readonly targets: readonly { readonly url: string; readonly host: string }[]
  readonly perSecond: number
  /** What takes longer has failed. */
  readonly limitMs: number
}

export type Method = 'GET' | 'POST'

export interface Figures {
  readonly requests: number
  /** By method, and then by kind: a status, or what became of the connection. */
  readonly failed: Readonly<Record<Method, Readonly<Record<string, number>>>>
  readonly medianMs: number
  readonly p99Ms: number
  readonly slowestMs: number
}

const TICK_MS = 10
/** So many connections at most are kept. */
const KEPT = 256

interface Phase {
  readonly failed: Record<Method, Record<string, number>>
  readonly tookMs: number[]
  readonly pending: Set<Promise<void>>
}

/** Half of the requests are POSTs, and every third comes over a new connection. */
export class SteadyLoad {
  readonly #options: SteadyOptions
  readonly #kept = new Agent({ keepAlive: true, maxSockets: KEPT })
  readonly #startedMs = performance.now()
  readonly #timer: NodeJS.Timeout
  #sent = 0
  #phase = newPhase()

  constructor(options: SteadyOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#sendDue(), TICK_MS)
  }

  /** Of all requests that were due since the start, or since this was last asked, once each is answered. */
  async take(): Promise<Figures> {
    const phase = this.#phase
    this.#phase = newPhase()
    await Promise.all(phase.pending)
    const sorted = phase.tookMs.sort((a, b) => a - b)
    const at = (part: number) =>
      Math.round(sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)] ?? 0)
    return {
      requests: sorted.length,
      failed: phase.failed,
      medianMs: at(0.5),
      p99Ms: at(0.99),
      slowestMs: at(1),
    }
  }

  /** Nothing more is sent; what was taken stays to be asked for. */
  stop(): void {
    clearInterval(this.#timer)
  }

  async close(): Promise<void> {
    this.stop()
    await Promise.all(this.#phase.pending)
    this.#kept.destroy()
  }

  #sendDue(): void {
    const { perSecond } = this.#options
    const due = Math.floor(((performance.now() - this.#startedMs) / 1000) * perSecond)
    for (; this.#sent < due; this.#sent++) {
      const phase = this.#phase
      const one = this.#send(this.#sent, phase).finally(() => phase.pending.delete(one))
      phase.pending.add(one)
    }
  }

  async #send(index: number, phase: Phase): Promise<void> {
    const { targets, perSecond, limitMs } = this.#options
    const dueMs = this.#startedMs + (index / perSecond) * 1000
    const round = Math.floor(index / targets.length)
    const { url, host } = targets[index % targets.length]!
    const method: Method = round % 2 === 0 ? 'GET' : 'POST'
    const agent = round % 3 === 0 ? undefined : this.#kept
    const what = await ask(url, {
      ...{ host, method, signal: AbortSignal.timeout(limitMs) },
      ...(method === 'POST' && { body: 'x'.repeat(100) }),
      ...(agent && { agent }),
    }).then(({ status }) => (status === 200 ? undefined : String(status)), kindOf)
    phase.tookMs.push(performance.now() - dueMs)
    if (what !== undefined) phase.failed[method][what] = (phase.failed[method][what] ?? 0) + 1
  }
}

/** How many of them failed. */
export function failures(failed: Readonly<Record<string, number>>): number {
  return Object.values(failed).reduce((sum, count) => sum + count, 0)
}

function newPhase(): Phase {
  return { failed: { GET: {}, POST: {} }, tookMs: [], pending: new Set() }
}

function kindOf(error: NodeJS.ErrnoException): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'timeout'
  if (error.code === 'ECONNRESET') return 'reset'
  if (error.code === 'ECONNREFUSED') return 'refused'
  return error.code ?? error.message
}
