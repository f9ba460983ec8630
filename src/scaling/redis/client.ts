/**
 * Questions about one key to Redis: to one server, to whichever node of a cluster has the key, to whom sentinels call the master. No library: those keep
 * queues and retry by themselves, and what comes unasked must end a connection and not the process.
 */
import { type Address, addressText, readAddress } from '../addresses.ts'
import { firstOf } from '../first-of.ts'
import { type Session, sessionSource } from '../session.ts'
import type { Reading, Source } from '../source.ts'
import { type Login, RedisConnection } from './connection.ts'
import { RedisRefusal, type Reply } from './resp.ts'
import { type RedisSettings, redisName } from './settings.ts'

export interface RedisClient {
  /** Rejects with a RedisRefusal where the server does not do it. */
  ask(...command: readonly string[]): Promise<Reply>
  readonly isOpen: boolean
  end(): void
}

/** A source that asks over one client of what `settings` name. */
export function redisSource(settings: RedisSettings, ask: (client: RedisClient) => Promise<Reading>): Source {
  const session: Session<RedisClient> = {
    name: redisName(settings),
    secrets: settings.secrets,
    connect: (signal) => connect(settings, signal),
    isOpen: (client) => client.isOpen,
    end: (client) => client.end(),
    ask,
    codeOf: (error) => (error instanceof RedisRefusal ? codeOf(error, settings) : undefined),
  }
  return sessionSource(session)
}

/** Redis' own words, before 6 and since. */
const DENIED = /^(WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR Client sent AUTH|ERR AUTH )/

/** What passes by itself. */
const PASSING = /^(LOADING|BUSY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|ERR max number of clients)/

function codeOf(
  { message }: RedisRefusal,
  { topology }: RedisSettings,
): 'Denied' | 'Invalid' | 'Unreachable' {
  if (DENIED.test(message)) return 'Denied'
  // to a client of one server they say that it is the wrong kind of trigger
  if (/^(MOVED|ASK) /.test(message)) return topology === 'cluster' ? 'Unreachable' : 'Invalid'
  return PASSING.test(message) ? 'Unreachable' : 'Invalid'
}

/** True where the server refused with this word. */
export function isRefused(error: unknown, word: string): error is RedisRefusal {
  return error instanceof RedisRefusal && error.message.startsWith(word)
}

/** Throws for a reply that is none: the protocol allows it, the command does not. */
export function numberOf(reply: Reply | undefined): number {
  if (typeof reply !== 'number') throw new Error('its answer is no number')
  return reply
}

async function connect(settings: RedisSettings, signal: AbortSignal): Promise<RedisClient> {
  const { addresses, topology } = settings
  const login = { ...settings, database: topology === 'cluster' ? 0 : settings.database }
  const open = (address: Address) => RedisConnection.open(address, login, signal)
  if (topology === 'single') return open(addresses[0])
  if (topology === 'sentinel') return open(await masterOf(settings, signal))
  const any = await firstOf(
    addresses,
    (address, stop) => RedisConnection.open(address, login, stop),
    (late) => late.end(),
    signal,
  )
  return new ClusterClient(any, login)
}

/** Asked at each connect: a master that was replaced closes its connections. */
function masterOf(settings: RedisSettings, signal: AbortSignal): Promise<Address> {
  const { addresses, sentinel, tls } = settings
  const ask = async (address: Address, stop: AbortSignal) => {
    const connection = await RedisConnection.open(address, { ...sentinel, tls }, stop)
    const onAbort = () => connection.end()
    stop.addEventListener('abort', onAbort, { once: true })
    try {
      const found = await connection.ask('SENTINEL', 'get-master-addr-by-name', sentinel.master)
      if (!Array.isArray(found)) throw new Error(`the sentinels know no master ${sentinel.master}`)
      return readAddress(addressText({ host: String(found[0]), port: Number(found[1]) }), 'address')
    } finally {
      stop.removeEventListener('abort', onAbort)
      connection.end()
    }
  }
  return firstOf(addresses, ask, () => undefined, signal)
}

const MAX_HOPS = 5

/** Stays with the node that has the key, until that says that another has it. */
class ClusterClient implements RedisClient {
  readonly #login: Login
  readonly #ending = new AbortController()
  #node: RedisConnection

  constructor(node: RedisConnection, login: Login) {
    this.#node = node
    this.#login = login
  }

  get isOpen(): boolean {
    return this.#node.isOpen
  }

  async ask(...command: readonly string[]): Promise<Reply> {
    for (let hop = 0; ; hop++) {
      try {
        return await this.#node.ask(...command)
      } catch (error) {
        const [, word, place] =
          (error instanceof RedisRefusal && /^(MOVED|ASK) \d+ (\S+)$/.exec(error.message)) || []
        if (place === undefined || hop === MAX_HOPS) throw error
        const other = await RedisConnection.open(this.#placeOf(place), this.#login, this.#ending.signal)
        if (word === 'ASK') return await askOnce(other, command)
        this.#node.end()
        this.#node = other
      }
    }
  }

  end(): void {
    this.#ending.abort()
    this.#node.end()
  }

  /** Without a host it is another port of the same. */
  #placeOf(place: string): Address {
    const host = place.slice(0, place.lastIndexOf(':')).replace(/^\[|\]$/g, '')
    const port = Number(place.slice(place.lastIndexOf(':') + 1))
    return readAddress(addressText({ host: host === '' ? this.#node.address.host : host, port }), 'address')
  }
}

/** The key is on its way to this node, which the others do not know of yet. */
async function askOnce(node: RedisConnection, command: readonly string[]): Promise<Reply> {
  try {
    await node.ask('ASKING')
    return await node.ask(...command)
  } finally {
    node.end()
  }
}
