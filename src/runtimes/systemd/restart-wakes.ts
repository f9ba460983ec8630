/**
 * Has systemd look at its timers when a restart is due. It lets them be up to 250 ms late, so as to wake up seldom, and runs those that
 * are due whenever something else wakes it. Without this a restart comes later, and still comes.
 */
import type { Clock } from '../../core/clock.ts'
import { RESTART_DELAY_MS } from './unit.ts'

/** Which side of the delay's end an awakening falls on is not known: it is done again until the restart is heard of. */
const STEP_MS = 2
/** systemd begins to wait before it says so: by then the restart is due for certain. */
const CERTAIN_MS = RESTART_DELAY_MS + 1
/** How long before the restart what it needs is readied, and how often: see moves.ts. */
const READY_LEAD_MS = 24
const READY_STEP_MS = 4

export interface RestartHelp {
  /** Has systemd do what is due. */
  wake(): void
  /** Called several times before the restart, until it is heard of. */
  ready(): void
}

interface Window {
  readonly readyMs: number
  readonly fromMs: number
  readonly untilMs: number
}

/** One for all units of a manager, so that a hundred that die together make one series of awakenings. */
export class RestartWakes {
  readonly #clock: Clock
  readonly #help: RestartHelp
  /** By unit, those that are about to be restarted. */
  readonly #windows = new Map<string, Window>()
  /** When each unit's process ended, microseconds of wall clock, from the signal before that of the restart. */
  readonly #endedUs = new Map<string, number>()
  #dueMs = Number.POSITIVE_INFINITY
  #cancel: (() => void) | undefined

  constructor(clock: Clock, help: RestartHelp) {
    this.#clock = clock
    this.#help = help
  }

  /** What was heard of a unit. */
  heard(
    unit: string,
    { subState, execExitUs }: { readonly subState?: string; readonly execExitUs?: number },
  ): void {
    if (execExitUs !== undefined && execExitUs > 0) this.#endedUs.set(unit, execExitUs)
    if (subState === undefined) return
    this.#windows.delete(unit)
    if (subState === 'auto-restart') this.#await(unit)
    // its next end is told before its next restart is
    if (subState === 'running') this.#endedUs.delete(unit)
  }

  /** It is in systemd's memory no more. */
  removed(unit: string): void {
    this.#windows.delete(unit)
    this.#endedUs.delete(unit)
  }

  /** No restart is awaited any more. */
  close(): void {
    this.#windows.clear()
    this.#endedUs.clear()
    this.#cancel?.()
    this.#cancel = undefined
  }

  #await(unit: string): void {
    const nowMs = this.#clock.monotonic()
    const endedUs = this.#endedUs.get(unit)
    const sinceMs = endedUs === undefined ? 0 : this.#clock.now() - endedUs / 1000
    // the wall clock may have jumped
    const inMs = Math.min(Math.max(RESTART_DELAY_MS - sinceMs, 0), CERTAIN_MS)
    const fromMs = nowMs + inMs
    const readyMs = Math.max(nowMs, fromMs - READY_LEAD_MS)
    this.#windows.set(unit, { readyMs, fromMs, untilMs: nowMs + CERTAIN_MS })
    this.#arm(readyMs)
  }

  #arm(atMs: number): void {
    if (this.#cancel !== undefined && this.#dueMs <= atMs) return
    this.#cancel?.()
    this.#dueMs = atMs
    this.#cancel = this.#clock.schedule(atMs - this.#clock.monotonic(), () => this.#tick())
  }

  #tick(): void {
    this.#cancel = undefined
    const nowMs = this.#clock.monotonic()
    let isNear = false
    let isDue = false
    let nextMs = Number.POSITIVE_INFINITY
    for (const [unit, { readyMs, fromMs, untilMs }] of this.#windows) {
      if (readyMs <= nowMs) isNear = true
      if (fromMs <= nowMs) isDue = true
      if (untilMs <= nowMs) this.#windows.delete(unit)
      else if (fromMs <= nowMs) nextMs = Math.min(nextMs, nowMs + STEP_MS, untilMs)
      else nextMs = Math.min(nextMs, Math.max(readyMs, nowMs + READY_STEP_MS), fromMs)
    }
    if (isDue) this.#help.wake()
    if (isNear) this.#help.ready()
    if (nextMs < Number.POSITIVE_INFINITY) this.#arm(nextMs)
  }
}
