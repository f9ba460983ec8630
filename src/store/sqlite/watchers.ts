/** Hearing of other processes' commits while somebody watches, and telling them of ours. */
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Bell } from '../feed.ts'
import { WakeSockets } from './wake.ts'

/** How late a change is seen whose writer was killed between COMMIT and its poke. */
const POLL_MS = 250

export interface WatchersOptions {
  readonly path: string
  readonly clock: Clock
  readonly logger: Logger
  readonly bell: Bell
  /** Moves when another connection has committed. */
  readonly dataVersion: () => number
}

/** Listens and polls only while there are watchers. */
export class Watchers {
  readonly #options: WatchersOptions
  readonly #sockets: WakeSockets
  #count = 0
  /** Starting and stopping happen one after the other. */
  #turn: Promise<void> = Promise.resolve()
  #stopPolling: (() => void) | undefined
  #seenVersion = 0

  constructor(options: WatchersOptions) {
    this.#options = options
    this.#sockets = new WakeSockets(options.path, options.clock, () => options.bell.ring())
  }

  /** One more watches. Resolves when no later commit of another process can be missed. */
  enter(): Promise<void> {
    if (++this.#count > 1) return this.#turn
    this.#poll()
    this.#turn = this.#turn.then(() => this.#listen())
    return this.#turn
  }

  leave(): Promise<void> {
    if (--this.#count > 0) return this.#turn
    this.#stopPolling?.()
    this.#turn = this.#turn.then(() => this.#sockets.mute())
    return this.#turn
  }

  connect(): Promise<void> {
    return this.#sockets.connect()
  }

  poke(): void {
    this.#sockets.poke()
  }

  async close(): Promise<void> {
    this.#stopPolling?.()
    await this.#turn
    await this.#sockets.close()
  }

  async #listen(): Promise<void> {
    try {
      await this.#sockets.listen()
    } catch (error) {
      const { logger } = this.#options
      logger.log('warn', `no wake socket, changes are seen after ${POLL_MS} ms: ${messageOf(error)}`)
    }
  }

  #poll(): void {
    const { clock, bell } = this.#options
    this.#stopPolling = clock.schedule(POLL_MS, () => {
      this.#poll()
      if (this.#hasNews()) bell.ring()
    })
  }

  #hasNews(): boolean {
    try {
      const version = this.#options.dataVersion()
      if (version === this.#seenVersion) return false
      this.#seenVersion = version
      return true
    } catch {
      // whoever watches reads it next, and reports it
      return true
    }
  }
}
