/**
 * The fence around unique programs: up for as long as renewals of the node's lease go through. No renewal is sent before the runtime has been
 * told to end them by itself if no other follows: so they end in time also where this process is killed or stands still.
 */
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { FENCE_KILL_MS, FENCE_STOP_MS } from '../../resources/fencing.ts'
import type { RuntimeFence } from '../../runtimes/runtime.ts'
import type { RenewalGuard } from '../../store/lease.ts'

export interface FenceOptions {
  readonly runtime: Pick<RuntimeFence, 'arm' | 'fenced'>
  /** Counts while the machine is suspended. */
  readonly clock: Clock
  readonly logger: Logger
}

/** Timers stand still with a suspended machine: it is looked at so often. */
const LOOK_MS = 1_000
const NOTHING = () => {}

export class Fence implements RenewalGuard {
  readonly #options: FenceOptions
  /** When the last renewal was sent that went through; undefined while the fence is down. */
  #sentMs: number | undefined
  /** Something unique runs or is to run. */
  #isAsked = false
  #up = new AbortController()
  #confirmed: Promise<void> = Promise.resolve()
  #cancelLook: () => void = NOTHING
  #onFall: (graceMs: number) => Promise<void> = async () => {}

  constructor(options: FenceOptions) {
    this.#options = options
    this.#up.abort()
  }

  /** What ends unique programs, which have so long to end by themselves; called whenever the fence falls, and waited for before the lease is renewed again. */
  set onFall(end: (graceMs: number) => Promise<void>) {
    this.#onFall = end
  }

  /** Aborted as soon as nothing unique may be started any more; another one once that may be again. */
  get signal(): AbortSignal {
    if (this.#isDue()) void this.#fall()
    return this.#up.signal
  }

  get isUp(): boolean {
    return !this.signal.aborted
  }

  /** Something unique is to run: from now on renewals keep the fence up. Resolves to whether it is, `renew` being called where it is not yet. */
  async raise(renew: () => Promise<void>): Promise<boolean> {
    this.#isAsked = true
    if (!this.isUp) await renew()
    await this.#confirmed
    return this.isUp
  }

  async before(): Promise<() => void> {
    const { runtime, clock, logger } = this.#options
    if (this.#isDue()) await this.#fall()
    if (!this.#isAsked && runtime.fenced().length === 0) return NOTHING
    try {
      const armed = await runtime.arm()
      const sentMs = clock.monotonic()
      return () => this.#confirm(sentMs, armed.confirm)
    } catch (error) {
      logger.log('warn', `what is unique here may be ended: it cannot be looked after: ${messageOf(error)}`)
      return NOTHING
    }
  }

  #confirm(sentMs: number, confirm: () => Promise<void>): void {
    const { clock, logger } = this.#options
    // one that took so long to go through allows nothing any more
    if (clock.monotonic() - sentMs >= FENCE_STOP_MS) return
    this.#sentMs = sentMs
    this.#confirmed = confirm().catch((error: unknown) =>
      logger.log('warn', `what is unique here may be ended: it cannot be looked after: ${messageOf(error)}`),
    )
    if (this.#up.signal.aborted) this.#up = new AbortController()
    this.#look()
  }

  #look(): void {
    this.#cancelLook()
    if (this.#sentMs === undefined) return
    if (this.#isDue()) return void this.#fall()
    const leftMs = this.#sentMs + FENCE_STOP_MS - this.#options.clock.monotonic()
    this.#cancelLook = this.#options.clock.schedule(Math.min(LOOK_MS, leftMs), () => this.#look())
  }

  #isDue(): boolean {
    return this.#sentMs !== undefined && this.#options.clock.monotonic() - this.#sentMs >= FENCE_STOP_MS
  }

  /** Never rejects: what cannot be ended from here the runtime ends by itself. */
  async #fall(): Promise<void> {
    const { logger, clock } = this.#options
    const leftMs = (this.#sentMs ?? 0) + FENCE_KILL_MS - clock.monotonic()
    this.#sentMs = undefined
    this.#cancelLook()
    this.#up.abort(new Error('the lease of this node could not be renewed in time'))
    try {
      await this.#onFall(Math.max(0, leftMs))
    } catch (error) {
      logger.log('warn', `cannot end what is unique here, it is killed soon: ${messageOf(error)}`)
    }
  }
}
