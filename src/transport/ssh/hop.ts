/** One connection to one SSH server: reached, known by its key, logged in to. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import ssh2, { type AuthMethod, type Client, type ClientError } from 'ssh2'
import { type Clock, delay } from '../../core/clock.ts'
import { isNsctlError, messageOf, NsctlError } from '../../core/errors.ts'
import { orAborted } from '../abort.ts'
import { dial } from '../dial.ts'
import type { Address } from '../transport.ts'
import { type HostKey, type HostKeyJudge, type HostKeyPolicy, openJudge } from './host-keys.ts'
import { type Identity, type IdentitySettings, openIdentities } from './identities.ts'

export interface Hop {
  readonly host: string
  /** 22 where left out. */
  readonly port?: number
  readonly user: string
  readonly identity: IdentitySettings
  readonly hostKey: HostKeyPolicy
}

export interface HopLimits {
  /** From the first packet to being logged in. */
  readonly connectLimitMs: number
  /** Between two signs of life that are asked for once connected. */
  readonly keepaliveMs: number
  /** How many may stay unanswered: the connection has ended when one more is due. */
  readonly keepaliveMisses: number
}

export interface Connected {
  readonly client: Client
  readonly hostKey: HostKey
  /** Aborts when the connection has ended, with why as its reason. */
  readonly lost: AbortSignal
  /** Ends it from this side. `reason` is then why it was lost. */
  end(reason: NsctlError): void
}

export interface ConnectOptions {
  readonly limits: HopLimits
  readonly clock: Clock
  readonly signal: AbortSignal
  /** The way there, where it leads through another server. */
  readonly through?: (address: Address, signal: AbortSignal) => Promise<Duplex>
}

/** `root@web-1:22` */
export function hopName({ user, host, port = 22 }: Hop): string {
  return `${user}@${host.includes(':') ? `[${host}]` : host}:${port}`
}

/**
 * Resolves once logged in; nothing is sent to a machine that is not the one that was meant.
 * @throws NsctlError Unreachable where it does not answer or not in time; Denied for its key or ours; Unsupported
 */
export async function connectHop(hop: Hop, options: ConnectOptions): Promise<Connected> {
  const { limits, clock, signal } = options
  const attempt = new Attempt(hop)
  const late = new AbortController()
  const either = AbortSignal.any([signal, late.signal])
  const done = new AbortController()
  // the whole attempt has one limit: each of its steps may be the one that hangs, an agent's answer included
  void delay(clock, limits.connectLimitMs, AbortSignal.any([done.signal, signal])).then(
    () => late.abort(attempt.hangs(limits.connectLimitMs)),
    () => {},
  )
  try {
    return await attempt.connect({ ...options, signal: either })
  } finally {
    done.abort()
  }
}

class Attempt {
  readonly #hop: Hop
  readonly #name: string
  #step = 'does not take connections'
  #socket: Duplex | undefined
  #hostKey: HostKey | undefined
  #refusal: unknown
  #methodsLeft: readonly string[] | null = null
  #agentError: string | undefined

  constructor(hop: Hop) {
    this.#hop = hop
    this.#name = hopName(hop)
  }

  hangs(limitMs: number): NsctlError {
    const bytes = (this.#socket as Partial<Socket> | undefined)?.bytesRead
    const step = bytes === 0 ? 'takes connections, but does not say that it speaks SSH' : this.#step
    return new NsctlError('Unreachable', `${this.#name} ${step}: given up after ${limitMs / 1000} s`, {
      value: this.#hop.host,
      next: `try it by hand: ssh -v -p ${this.#hop.port ?? 22} ${this.#hop.user}@${this.#hop.host}`,
    })
  }

  async connect(options: ConnectOptions): Promise<Connected> {
    const { host, port = 22, identity, hostKey } = this.#hop
    const [judge, identities] = await Promise.all([
      openJudge(hostKey, { host, port }),
      openIdentities(identity),
    ])
    try {
      return await this.#logIn(judge, identities, options)
    } finally {
      for (const one of identities) if (one.kind === 'agent') one.agent.close()
    }
  }

  async #logIn(
    judge: HostKeyJudge,
    identities: readonly Identity[],
    { limits, signal, through }: ConnectOptions,
  ): Promise<Connected> {
    const { host, port = 22 } = this.#hop
    const socket = await (through ?? dial)({ host, port }, signal)
    this.#socket = socket
    this.#step = 'stopped answering while keys were exchanged'
    const client = new ssh2.Client()
    const lost = new AbortController()
    this.#watch(client, lost)
    const ready = Promise.withResolvers<void>()
    client.once('ready', ready.resolve)
    client.once('handshake', () => {
      this.#step = 'stopped answering while logging in'
    })
    try {
      signal.throwIfAborted()
      client.connect({ ...this.#config(judge, identities, limits), sock: socket })
      await orAborted(ready.promise, signal, lost.signal)
    } catch (error) {
      client.destroy()
      socket.destroy()
      throw error
    }
    client.setNoDelay(true)
    const end = (reason: NsctlError) => {
      lost.abort(reason)
      client.end()
      // a server that does not answer does not end its side either
      setImmediate(() => socket.destroy())
    }
    return { client, hostKey: this.#hostKey as HostKey, lost: lost.signal, end }
  }

  #config(judge: HostKeyJudge, identities: readonly Identity[], limits: HopLimits) {
    const methods = identities.map((identity) => toMethod(identity, this.#hop.user))
    return {
      username: this.#hop.user,
      algorithms: { serverHostKey: algorithmsFor(judge.types) },
      hostVerifier: (key: Buffer) => {
        try {
          this.#hostKey = judge.judge(key)
          return true
        } catch (error) {
          this.#refusal = error
          return false
        }
      },
      authHandler: (methodsLeft: readonly string[] | null) => {
        this.#methodsLeft = methodsLeft
        return methods.shift() ?? false
      },
      readyTimeout: 0,
      keepaliveInterval: limits.keepaliveMs,
      keepaliveCountMax: limits.keepaliveMisses,
      // whether a server can do what OpenSSH can is its own to say
      strictVendor: false,
    } as const
  }

  /** The first that was said of the end of a connection is the reason for it. */
  #watch(client: Client, lost: AbortController): void {
    client.on('error', (error: ClientError) => {
      // the next key is tried
      if (error.level === 'agent') this.#agentError = error.message
      else lost.abort(this.#explain(error))
    })
    // its half of the connection, then the whole; a stream through another server may never get to the second
    for (const event of ['end', 'close'])
      client.once(event, () => lost.abort(this.#explain(new Error('the other side closed it'))))
  }

  #explain(error: ClientError): NsctlError {
    if (isNsctlError(this.#refusal)) return this.#refusal
    if (error.level === 'client-authentication' || /too many authentication/i.test(error.message))
      return this.#notLetIn(error)
    if (error.level === 'handshake' && /no matching/i.test(error.message))
      return new NsctlError(
        'Unsupported',
        `${this.#name} and nsctl have no algorithm in common: ${error.message}`,
        {
          value: this.#name,
          next: 'bring its sshd up to date',
          cause: error,
        },
      )
    const what = error.message === 'Keepalive timeout' ? 'it does not answer any more' : messageOf(error)
    return new NsctlError('Unreachable', `the connection to ${this.#name} ended: ${what}`, {
      value: this.#name,
      cause: error,
    })
  }

  #notLetIn(error: Error): NsctlError {
    const offers = this.#methodsLeft === null ? '' : `; it takes ${this.#methodsLeft.join(', ')}`
    const agent = this.#agentError === undefined ? '' : `; the agent: ${this.#agentError}`
    return new NsctlError(
      'Denied',
      `${this.#name} does not let us in with any of our keys (${error.message})${offers}${agent}`,
      {
        value: this.#name,
        next: 'put the public key into ~/.ssh/authorized_keys there (ssh-copy-id); where an agent holds many keys, name the one to use',
        cause: error,
      },
    )
  }
}

function toMethod(identity: Identity, username: string): AuthMethod {
  return identity.kind === 'key'
    ? { type: 'publickey', username, key: identity.key }
    : { type: 'agent', username, agent: identity.agent }
}

/** Without those on SHA-1. */
const HOST_KEY_ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
]

/** First those by which the machine is known: the key of another kind that it has too would look like a change. */
export function algorithmsFor(types: readonly string[]): readonly string[] {
  const isKnown = (algorithm: string) => types.includes(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm)
  return [
    ...HOST_KEY_ALGORITHMS.filter(isKnown),
    ...HOST_KEY_ALGORITHMS.filter((algorithm) => !isKnown(algorithm)),
  ]
}
