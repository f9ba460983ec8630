/** A machine over SSH: one connection for everything, through as many others as it takes to get there. */
import type { Duplex } from 'node:stream'
import type { Clock } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import { whenAborted } from '../abort.ts'
import { runToEnd } from '../collect.ts'
import { assertCommand } from '../command.ts'
import type {
  Address,
  Command,
  CommandResult,
  GetFileOptions,
  PutFileOptions,
  RunningCommand,
  RunOptions,
  Transport,
} from '../transport.ts'
import { startCommand } from './command.ts'
import { getFile, putFile } from './files.ts'
import { type Connected, connectHop, type Hop, type HopLimits, hopName } from './hop.ts'
import type { HostKey } from './host-keys.ts'
import { Sessions } from './sessions.ts'

export interface SshOptions {
  readonly target: Hop
  /** Servers on the way, from here to there (ProxyJump). Each is known and logged in to by itself; none sees what passes through. */
  readonly jumps?: readonly Hop[]
  readonly limits?: Partial<HopLimits>
  readonly clock: Clock
  /** Gives the attempt up; a connection that stands is ended by `close`. */
  readonly signal: AbortSignal
}

export interface SshTransport extends Transport {
  /** What the machine showed itself by. */
  readonly hostKey: HostKey
}

/** A connection that died is known to be dead after at most 12 s. */
export const DEFAULT_LIMITS: HopLimits = { connectLimitMs: 15_000, keepaliveMs: 4_000, keepaliveMisses: 2 }

/**
 * Reads no ~/.ssh/config: what holds for a machine stands in one place, and the same whoever runs this.
 * @throws NsctlError Unreachable, Denied, Unsupported; which hop is at fault is in its words
 */
export async function openSshTransport(options: SshOptions): Promise<SshTransport> {
  const { target, jumps = [], clock, signal } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const way: Connection[] = []
  try {
    for (const hop of [...jumps, target]) {
      const before = way.at(-1)
      const through =
        before && ((address: Address, given: AbortSignal) => before.sessions.connect(address, given))
      const connected = await connectHop(hop, { limits, clock, signal, ...(through && { through }) })
      way.push({ ...connected, sessions: new Sessions(connected, hopName(hop), clock) })
    }
  } catch (error) {
    endAll(way, new NsctlError('Unreachable', 'the next server on the way was not reached', { cause: error }))
    throw error
  }
  return new SshMachine(`ssh ${hopName(target)}`, way, clock)
}

interface Connection extends Connected {
  readonly sessions: Sessions
}

function endAll(way: readonly Connection[], reason: NsctlError): void {
  for (const connection of [...way].reverse()) connection.end(reason)
}

class SshMachine implements SshTransport {
  readonly name: string
  readonly hostKey: HostKey
  readonly ended: Promise<NsctlError | undefined>
  readonly #way: readonly Connection[]
  readonly #clock: Clock
  readonly #sessions: Sessions
  readonly #lost: AbortSignal
  #isClosed = false

  constructor(name: string, way: readonly Connection[], clock: Clock) {
    const last = way.at(-1) as Connection
    this.name = name
    this.hostKey = last.hostKey
    this.#way = way
    this.#clock = clock
    this.#sessions = last.sessions
    this.#lost = last.lost
    this.ended = new Promise((resolve) => {
      const each = way.map(({ lost }) => lost)
      whenAborted(each, (reason) => {
        // of a chain that broke, the rest is of no use
        endAll(way, reason as NsctlError)
        resolve(this.#isClosed ? undefined : (reason as NsctlError))
      })
    })
  }

  run(command: Command, options: RunOptions): Promise<CommandResult> {
    return runToEnd((given, signal) => this.spawn(given, signal), command, options)
  }

  async spawn(command: Command, signal: AbortSignal): Promise<RunningCommand> {
    assertCommand(command)
    this.#lost.throwIfAborted()
    const place = { sessions: this.#sessions, lost: this.#lost, clock: this.#clock }
    return startCommand(command, place, signal)
  }

  async connect(address: Address, signal: AbortSignal): Promise<Duplex> {
    this.#lost.throwIfAborted()
    signal.throwIfAborted()
    return this.#sessions.connect(address, signal)
  }

  putFile(path: string, content: string | Uint8Array, options: PutFileOptions): Promise<void> {
    return putFile(this, path, content, options)
  }

  getFile(path: string, options: GetFileOptions): Promise<Buffer | undefined> {
    return getFile(this, path, options)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    endAll(this.#way, new NsctlError('Unreachable', `the connection to ${this.name} is closed`))
  }
}
