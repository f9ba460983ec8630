/** What is watched once a stop was accepted: that it begins before anything else is asked, and that it is over in time. */
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import { type ProgramId, programKey } from '../runtime.ts'
import type { UnitManager } from './manager.ts'
import { unitName } from './names.ts'
import type { ProgramTracker } from './tracker.ts'

/** systemd begins within milliseconds, and may have nothing to say of a unit that it has let go already. */
const BEGIN_LIMIT_MS = 1_000
const SIGKILL = 9

export interface EndingsOptions {
  readonly clock: Clock
  readonly tracker: ProgramTracker
  readonly manager: UnitManager
  readonly logger: Logger
}

export class Endings {
  readonly #options: EndingsOptions
  readonly #beginning = new Map<string, Promise<void>>()
  #closed = false

  constructor(options: EndingsOptions) {
    this.#options = options
  }

  /** A stop was accepted; what is left after so long, sooner than systemd would, is killed. */
  follow(id: ProgramId, killAfterMs: number | undefined): void {
    const { clock, tracker } = this.#options
    const key = programKey(id)
    if (this.#isUp(key)) this.#beginning.set(key, this.#untilBegun(key))
    if (killAfterMs === undefined) return
    clock.schedule(killAfterMs, () => {
      if (!this.#closed && tracker.observe().get(key)?.state === 'stopping') this.#killLeft(id)
    })
  }

  /**
   * Resolves when what was asked to stop is seen doing so. A start that systemd hears before takes the stop's place, and the program
   * would run on as if nothing had been asked.
   */
  async begun(key: string): Promise<void> {
    await this.#beginning.get(key)
  }

  close(): void {
    this.#closed = true
  }

  #untilBegun(key: string): Promise<void> {
    const { clock, tracker } = this.#options
    return new Promise((resolve) => {
      const done = () => {
        cancel()
        unsubscribe()
        this.#beginning.delete(key)
        resolve()
      }
      const cancel = clock.schedule(BEGIN_LIMIT_MS, done)
      const unsubscribe = tracker.onChange((changed) => {
        if (changed === key && !this.#isUp(key)) done()
      })
    })
  }

  #isUp(key: string): boolean {
    const state = this.#options.tracker.observe().get(key)?.state
    return state === 'running' || state === 'starting'
  }

  #killLeft(id: ProgramId): void {
    const { manager, logger } = this.#options
    manager.kill(unitName(id), SIGKILL, 'all').catch((error: unknown) => {
      // its own TimeoutStopSec= ends it later
      logger.log('warn', 'what is left of a program could not be killed', {
        unit: unitName(id),
        error: String(error),
      })
    })
  }
}
