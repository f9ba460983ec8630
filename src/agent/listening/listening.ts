/** The agent's listener for callers on other machines: as long as there is a certificate to show, and with the next one once there is. */
import type { Caller } from '../../core/caller.ts'
import { delay } from '../../core/clock.ts'
import { isNsctlError, messageOf } from '../../core/errors.ts'
import type { Manager } from '../../engine/manager.ts'
import { listenForCallers, type NodeListener, type ServingIdentity } from '../../listener/server.ts'
import type { NodeServices } from '../../listener/services.ts'
import { nodeServices, type ServicesOptions } from './services.ts'

export interface ListenOptions {
  /** What it binds. */
  readonly host: string
  /** 0 takes any that is free; the Node's status says which. */
  readonly port: number
  /** Where others reach it, without the port. */
  readonly reachedAt: string
  /** What the node shows now. @throws NsctlError for as long as it has nothing to show, with why and what to do */
  readonly identity: (signal: AbortSignal) => Promise<ServingIdentity>
  /** Who the holder of a certificate of the authority is; undefined for who may not call. */
  readonly callerOf: (subject: Readonly<Record<string, unknown>>) => Caller | undefined
}

/** Where it listens, or why not. */
export interface Listening {
  readonly address?: string
  readonly problem?: string
}

export type ListenParts = Omit<ServicesOptions, 'cache'>

/** A certificate is renewed after two thirds of a day; and what was missing may have come. */
const LOOK_MS = 10_000

/** Has `manager` listen. What stands in the way ends nothing: it is told, and tried again. */
export function listenOn(manager: Manager, options: ListenOptions, parts: ListenParts): () => Listening {
  const keeper = new Keeper(options, parts, nodeServices({ ...parts, cache: manager.cache }))
  manager.addRunnable({ name: 'listener', run: (signal) => keeper.run(signal) })
  return () => keeper.listening
}

class Keeper {
  listening: Listening = {}
  readonly #options: ListenOptions
  readonly #parts: ListenParts
  readonly #services: NodeServices
  #listener: NodeListener | undefined
  #shown: string | undefined

  constructor(options: ListenOptions, parts: ListenParts, services: NodeServices) {
    this.#options = options
    this.#parts = parts
    this.#services = services
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#parts
    try {
      while (!signal.aborted) {
        try {
          await this.#look(signal)
        } catch (error) {
          if (signal.aborted) break
          const next = isNsctlError(error) && error.next !== undefined ? `: ${error.next}` : ''
          const problem = `${messageOf(error)}${next}`
          // one whose certificate is still good goes on with it
          if (this.#listener === undefined) this.#tell(problem)
          else logger.log('debug', `the listener’s certificate stays as it is: ${problem}`)
        }
        await delay(clock, LOOK_MS, signal).catch(() => undefined)
      }
    } finally {
      this.listening = {}
      await this.#listener?.close()
    }
  }

  #tell(problem: string): void {
    if (problem !== this.listening.problem)
      this.#parts.logger.log('warn', `callers on other machines are not answered: ${problem}`)
    this.listening = { problem }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { host, port, reachedAt, callerOf } = this.#options
    const { clock, logger } = this.#parts
    const identity = await this.#options.identity(signal)
    if (identity.certificate === this.#shown) return
    if (this.#listener === undefined) {
      this.#listener = await listenForCallers({
        ...{ host, port, identity, callerOf, clock, logger },
        services: this.#services,
      })
      const at = reachedAt.includes(':') ? `[${reachedAt}]` : reachedAt
      this.listening = { address: `${at}:${this.#listener.port}` }
      logger.log('info', `callers on other machines are answered at ${this.listening.address}`)
    } else this.#listener.renew(identity)
    this.#shown = identity.certificate
  }
}
