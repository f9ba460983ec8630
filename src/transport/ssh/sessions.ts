/** Channels of one connection: sessions in turn, as many at once as the server allows, and forwarded streams. */
import type { Channel, ChannelError, Client } from 'ssh2'
import { type Clock, delay } from '../../core/clock.ts'
import { messageOf, NsctlError } from '../../core/errors.ts'
import { orAborted, whenAborted } from '../abort.ts'
import { addressName } from '../dial.ts'
import type { Address, CommandEnd } from '../transport.ts'
import type { Connected } from './hop.ts'
import { Slots } from './slots.ts'

/** sshd's own default of MaxSessions is 10. One is kept for killing what was called off, so that it never waits behind the rest. */
const ORDINARY_SESSIONS = 9

/** How often one that was refused while no other was open asks again, and after how long at first; doubled each time. */
const MAX_REFUSALS = 5
/** The same for a kill, which may come before the server is done with any of the sessions that have just ended. */
const MAX_KILL_REFUSALS = 8
const FORGETTING_MS = 10

/** RFC 4254, section 5.1. */
const PROHIBITED = 1

/** A command line under way. */
export interface Session {
  readonly channel: Channel
  /** Resolves when its channel has closed, which takes that its output was read: to how it ended, if the server has said so. */
  readonly closed: Promise<CommandEnd | undefined>
}

export class Sessions {
  readonly #client: Client
  readonly #lost: AbortSignal
  readonly #name: string
  readonly #clock: Clock
  readonly #slots = new Slots(ORDINARY_SESSIONS)
  readonly #killSlot = new Slots(1)

  constructor({ client, lost }: Pick<Connected, 'client' | 'lost'>, name: string, clock: Clock) {
    this.#client = client
    this.#lost = lost
    this.#name = name
    this.#clock = clock
  }

  /** Starts a command line. Its slot is free again once its channel has closed. The signal ends the waiting for a slot. */
  async start(line: string, signal: AbortSignal): Promise<Session> {
    for (let refusedAlone = 0; ; ) {
      const release = await this.#slots.take(signal)
      const others = this.#slots.taken - 1
      try {
        const session = await this.#exec(line)
        void session.closed.then(release)
        return session
      } catch (error) {
        const isRefused = (error as ChannelError).reason !== undefined
        // its limit is lower than the usual one: what is refused now has its turn when another has ended
        if (isRefused && others > 0) this.#slots.lower(others - 1)
        release()
        if (!isRefused || refusedAlone === MAX_REFUSALS)
          throw this.#explain(error, 'no session can be opened')
        // a server may take a moment longer than we to be done with a session that has ended
        if (others === 0) await delay(this.#clock, FORGETTING_MS * 2 ** refusedAlone++, signal)
      }
    }
  }

  /** Runs a command line past those that wait for a slot, one at a time. False where the server allows no session more. */
  async runAtOnce(line: string): Promise<boolean> {
    const release = await this.#killSlot.take(this.#lost)
    try {
      for (let refusals = 0; ; refusals++) {
        const session = await this.#exec(line).catch((error: ChannelError) => {
          if (error.reason === undefined || refusals === MAX_KILL_REFUSALS) throw error
        })
        if (session === undefined) {
          await delay(this.#clock, FORGETTING_MS * 2 ** refusals, this.#lost)
          continue
        }
        letGo(session.channel)
        await session.closed
        return true
      }
    } catch {
      return false
    } finally {
      release()
    }
  }

  async connect(address: Address, signal: AbortSignal): Promise<Channel> {
    const opening = this.#opened<Channel>((callback) => {
      if ('socketPath' in address) this.#client.openssh_forwardOutStreamLocal(address.socketPath, callback)
      else this.#client.forwardOut('127.0.0.1', 0, address.host, address.port, callback)
    })
    try {
      const channel = closable(await orAborted(opening, signal))
      this.#tellOfLoss(channel)
      return channel
    } catch (error) {
      void opening.then(letGo, () => {})
      signal.throwIfAborted()
      throw this.#explainConnect(error, addressName(address))
    }
  }

  /** ssh2 ends the streams of a connection that was lost as if all had been said. */
  #tellOfLoss(channel: Channel): void {
    const stop = whenAborted([this.#lost], (reason) => {
      if (!channel.readableEnded) channel.emit('error', reason)
    })
    channel.once('close', stop)
  }

  #exec(line: string): Promise<Session> {
    return this.#opened<Session>((done) =>
      this.#client.exec(line, (error, channel) => done(error, channel && watch(channel))),
    )
  }

  /** Or the connection's end, which ssh2 does not always tell those who wait for an answer. */
  async #opened<T>(open: (done: (error: Error | undefined, value: T) => void) => void): Promise<T> {
    const opened = Promise.withResolvers<T>()
    this.#lost.throwIfAborted()
    // throws where the connection is just ending
    open((error, value) => (error ? opened.reject(error) : opened.resolve(value)))
    return orAborted(opened.promise, this.#lost)
  }

  #explainConnect(error: unknown, address: string): NsctlError {
    // sshd says of sockets that it forbids what it says of those that are not there
    if ((error as ChannelError).reason !== PROHIBITED)
      return this.#explain(
        error,
        `${address} cannot be reached`,
        'check that something listens there, and that sshd_config allows it',
      )
    return new NsctlError(
      'Denied',
      `${this.#name} does not let us through to ${address}: ${messageOf(error)}`,
      {
        value: address,
        next: 'allow it in its sshd_config: AllowTcpForwarding, AllowStreamLocalForwarding, PermitOpen',
        cause: error,
      },
    )
  }

  #explain(error: unknown, what: string, next?: string): NsctlError {
    if (error instanceof NsctlError) return error
    return new NsctlError('Unreachable', `${this.#name}: ${what}: ${messageOf(error)}`, {
      value: this.#name,
      ...(next === undefined ? {} : { next }),
      cause: error,
    })
  }
}

/** ssh2's `destroy` waits for somebody to read what is left; nobody does who destroys a stream. */
function closable(channel: Channel): Channel {
  const close = channel.destroy.bind(channel)
  channel.destroy = () => {
    channel.removeAllListeners('data').unpipe().resume()
    if (channel.listenerCount('readable') > 0) {
      channel.removeAllListeners('readable')
      // a tick later it is told that nobody listens, and stops
      setImmediate(() => channel.resume())
    }
    return close()
  }
  return channel
}

/** At once: the same packet that opens a channel may tell of its end. */
function watch(channel: Channel): Session {
  let end: CommandEnd | undefined
  channel.once('exit', (code: number | null, name?: string) => {
    end = code === null ? { signal: name ?? 'SIGKILL' } : { exitCode: code }
  })
  const closed = new Promise<CommandEnd | undefined>((resolve) => channel.once('close', () => resolve(end)))
  return { channel: closable(channel), closed }
}

/** Closes a channel that nobody listens to any more. */
export function letGo(channel: Channel): void {
  channel.on('error', () => {})
  channel.stderr.unpipe().resume()
  closable(channel).destroy()
}
