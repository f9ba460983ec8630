/** Free ports for instances: a number that nothing listens on, over IPv4 and IPv6, and that no other instance has got. */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { NsctlError } from '../core/errors.ts'

export type Protocol = 'TCP' | 'UDP'

export interface WantedPort {
  readonly name: string
  readonly protocol: Protocol
  /** A fixed number; a free one where it is left out. */
  readonly port?: number
}

export interface GivenPort {
  readonly name: string
  readonly port: number
}

export interface PortRange {
  readonly first: number
  readonly last: number
}

/** Below Linux's range for outgoing connections (32768 and up), so that no client can sit on one. */
export const INSTANCE_PORTS: PortRange = { first: 20_000, last: 29_999 }

/** Resolves to whether a program could listen on it now. */
export type PortCheck = (port: number, protocol: Protocol) => Promise<boolean>

/** Hands out ports and remembers who has which, for as long as the agent runs. */
export class PortAllocator {
  readonly #range: PortRange
  readonly #isFree: PortCheck
  readonly #owners = new Map<number, string>()
  /** Who has the fixed ones, by `TCP 8080`. */
  readonly #fixed = new Map<string, string>()
  #next: number

  constructor(range: PortRange = INSTANCE_PORTS, isFree: PortCheck = canListen) {
    this.#range = range
    this.#isFree = isFree
    this.#next = range.first
  }

  /** Notes what `owner` already has (read from its status), so that nobody else gets it. */
  adopt(owner: string, ports: readonly GivenPort[]): void {
    for (const given of ports) this.#owners.set(given.port, owner)
  }

  /**
   * Takes the fixed ones of `wanted` for `owner` until they are released, listened on or not: all, or none and says which another
   * owner has.
   */
  claimFixed(
    owner: string,
    wanted: readonly WantedPort[],
  ): (GivenPort & { readonly owner: string }) | undefined {
    const keys: string[] = []
    for (const { name, protocol, port } of wanted) {
      if (port === undefined) continue
      const key = `${protocol} ${port}`
      const holder = this.#fixed.get(key) ?? owner
      if (holder !== owner) return { name, port, owner: holder }
      keys.push(key)
    }
    for (const key of keys) this.#fixed.set(key, owner)
    return undefined
  }

  /** Ports for `owner`, in the order of `wanted`: all or none. Fixed ones are given as they stand; see `firstTaken`. */
  async allocate(owner: string, wanted: readonly WantedPort[]): Promise<readonly GivenPort[]> {
    const given: GivenPort[] = []
    try {
      for (const one of wanted) {
        const port = one.port ?? (await this.#pick(owner, one.protocol))
        this.#owners.set(port, owner)
        given.push({ name: one.name, port })
      }
      return given
    } catch (error) {
      // whoever asks again must not take more with every time
      for (const { port } of given) this.#owners.delete(port)
      throw error
    }
  }

  /** The first of `given` that something else listens on, so that the program could not. */
  async firstTaken(
    wanted: readonly WantedPort[],
    given: readonly GivenPort[],
  ): Promise<GivenPort | undefined> {
    for (const one of given) {
      const protocol = wanted.find((other) => other.name === one.name)?.protocol ?? 'TCP'
      if (!(await this.#isFree(one.port, protocol))) return one
    }
    return undefined
  }

  release(owner: string): void {
    for (const [port, holder] of this.#owners) if (holder === owner) this.#owners.delete(port)
    this.releaseFixed(owner)
  }

  /** Gives back what `claimFixed` took. */
  releaseFixed(owner: string): void {
    for (const [port, holder] of this.#fixed) if (holder === owner) this.#fixed.delete(port)
  }

  async #pick(owner: string, protocol: Protocol): Promise<number> {
    const { first, last } = this.#range
    for (let tried = first; tried <= last; tried++) {
      const port = this.#next
      this.#next = port >= last ? first : port + 1
      if (this.#owners.has(port)) continue
      // held while it is being checked: another allocation may run meanwhile
      this.#owners.set(port, owner)
      if (await this.#isFree(port, protocol)) return port
      this.#owners.delete(port)
    }
    throw new NsctlError('Failed', `no free ${protocol} port between ${first} and ${last}`, {
      next: 'end something that listens there, or give the service a fixed port outside',
    })
  }
}

/** Tries to listen on all addresses, IPv4 and IPv6 at once; IPv4 alone where the machine has no IPv6. */
export async function canListen(port: number, protocol: Protocol): Promise<boolean> {
  const attempt = protocol === 'TCP' ? listenTcp : bindUdp
  const both = await attempt(port, '::')
  return both === 'unsupported' ? (await attempt(port, '0.0.0.0')) === 'free' : both === 'free'
}

type Attempt = 'free' | 'taken' | 'unsupported'

function verdict(error: NodeJS.ErrnoException): Attempt {
  return error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL' ? 'unsupported' : 'taken'
}

function listenTcp(port: number, host: string): Promise<Attempt> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(verdict(error)))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve('free')))
  })
}

function bindUdp(port: number, host: string): Promise<Attempt> {
  return new Promise((resolve) => {
    const socket = createSocket(host === '::' ? 'udp6' : 'udp4')
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close()
      resolve(verdict(error))
    })
    socket.bind({ port, address: host, exclusive: true }, () => socket.close(() => resolve('free')))
  })
}
