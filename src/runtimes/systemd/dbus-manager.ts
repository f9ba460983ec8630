/** The manager over D-Bus. Comes back by itself when systemd executes itself anew or the bus is restarted. */
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../core/clock.ts'
import { isNsctlError, messageOf, NsctlError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { type Endpoint, endpoints, type ManagerScope } from './dbus/address.ts'
import { type CallTarget, type DbusConnection, openConnection } from './dbus/connection.ts'
import type { IncomingMessage } from './dbus/message.ts'
import type { DbusReader } from './dbus/reader.ts'
import type { DbusValue } from './dbus/writer.ts'
import { MANAGER, PROPERTIES_INTERFACE, SYSTEMD } from './interfaces.ts'
import { listUnits } from './listing.ts'
import { isMissingUnit, type ManagerEvents, type UnitManager } from './manager.ts'
import { objectPathOfUnit, parseUnitName, UNIT_PATTERN, unitOfObjectPath } from './names.ts'
import { PROPERTIES, toUnitChange } from './properties.ts'
import { RestartWakes } from './restart-wakes.ts'
import { AT_ONCE, startTogether, WORTH_IT } from './together.ts'

const BUS: CallTarget = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
}
const PEER: CallTarget = { destination: SYSTEMD, path: '/', interface: 'org.freedesktop.DBus.Peer' }
const UNIT_PATH_PREFIX = objectPathOfUnit('nsctl-')
/** What a bus answers for a systemd that is away. */
const PEER_IS_GONE: ReadonlySet<string> = new Set([
  'org.freedesktop.DBus.Error.NoReply',
  'org.freedesktop.DBus.Error.Disconnected',
  'org.freedesktop.DBus.Error.ServiceUnknown',
  'org.freedesktop.DBus.Error.NameHasNoOwner',
])
const ALREADY_SUBSCRIBED = `${SYSTEMD}.AlreadySubscribed`
const RECONNECT_STEP_MS = 20
const RECONNECT_MAX_MS = 1_000
/** Waits this long come after about four seconds of trying. */
const SAME_WAY_UNTIL_MS = 400

export interface DbusManagerOptions {
  readonly scope: ManagerScope
  readonly events: ManagerEvents
  readonly logger: Logger
  /** Ends everything, as `close` does. */
  readonly signal: AbortSignal
  /** The ways to try, best first; those of this machine if left out. */
  readonly endpoints?: readonly Endpoint[]
  /** Called several times shortly before a unit is restarted. */
  readonly readyRestart?: () => void
  /** Which units are listed; all of ours if left out. */
  readonly pattern?: string
}

/** Connects, and gives `events.all` before it resolves. @throws NsctlError Unreachable where no way leads there */
export async function openDbusManager(options: DbusManagerOptions): Promise<UnitManager> {
  const manager = new DbusManager(options)
  await manager.connect(options.signal)
  return manager
}

class DbusManager implements UnitManager {
  version = 0
  controlGroup = ''
  readonly #options: DbusManagerOptions
  readonly #closing = new AbortController()
  #connection: DbusConnection | undefined
  /** The way that worked last. */
  #endpoint: Endpoint | undefined
  /** Resolves when there is a connection again; undefined while there is one. */
  #reconnecting: Promise<void> | undefined
  #reloading = false
  #listing = false
  #startedTogether = 0
  /** Who speaks for systemd on the bus; undefined where nobody else can. */
  #owner: string | undefined
  /** Names by object path, of the units in systemd's memory. */
  readonly #units = new Map<string, string>()
  readonly #wakes = new RestartWakes(systemClock, {
    wake: () => this.#connection?.call(PEER, 'Ping').catch(() => {}),
    ready: () => this.#options.readyRestart?.(),
  })

  constructor(options: DbusManagerOptions) {
    this.#options = options
    options.signal.addEventListener('abort', () => void this.close(), {
      once: true,
      signal: this.#closing.signal,
    })
  }

  async connect(signal: AbortSignal, last?: Endpoint): Promise<void> {
    const { scope } = this.#options
    const ways = last === undefined ? (this.#options.endpoints ?? endpoints(scope, process.env)) : [last]
    let failure: unknown
    for (const endpoint of ways) {
      try {
        return await this.#connectTo(endpoint, signal)
      } catch (error) {
        signal.throwIfAborted()
        failure = error
      }
    }
    throw new NsctlError('Unreachable', `no connection to systemd's ${scope} manager`, {
      value: ways.map((way) => way.socketPath).join(', '),
      cause: failure,
      next:
        scope === 'system'
          ? 'run as root, or use --runtime process'
          : 'log in as this user, or use --runtime process',
    })
  }

  async #connectTo(endpoint: Endpoint, signal: AbortSignal): Promise<void> {
    let connection: DbusConnection | undefined
    const events = {
      signal: (message: IncomingMessage) => this.#receive(connection, message),
      closed: (reason: Error | undefined) => this.#lost(connection, reason),
    }
    // before anything is heard on it: a reload may begin at once, and is over once systemd answers
    this.#reloading = false
    connection = await openConnection(endpoint, events, signal)
    try {
      this.#owner = endpoint.bus ? await subscribe(connection) : undefined
      const properties = { ...MANAGER, interface: PROPERTIES_INTERFACE }
      const get = async (name: string) => {
        const body = await connection.call(properties, 'Get', 'ss', [MANAGER.interface, name])
        return String(body.readAll('v')[0])
      }
      const [version, controlGroup] = await Promise.all([get('Version'), get('ControlGroup')])
      this.version = Number.parseInt(version, 10)
      this.controlGroup = controlGroup
      await this.#list(connection)
      this.#connection = connection
      this.#endpoint = endpoint
    } catch (error) {
      connection.close()
      throw error
    }
  }

  async reload(): Promise<void> {
    await this.#call('Reload')
  }

  async start(unit: string): Promise<void> {
    await this.#call('StartUnit', 'ss', [unit, 'replace'])
  }

  async startAll(units: readonly string[]): Promise<ReadonlySet<string>> {
    const taken = new Set<string>()
    const call = (member: string, signature: string, body: readonly DbusValue[]) =>
      this.#call(member, signature, body)
    for (let from = 0; units.length - from >= WORTH_IT; from += AT_ONCE) {
      const slice = `nsctl-start${process.pid}x${this.#startedTogether++}.slice`
      const found = await startTogether(call, units.slice(from, from + AT_ONCE), slice)
      for (const unit of found) taken.add(unit)
    }
    return taken
  }

  async stop(unit: string): Promise<void> {
    await this.#call('StopUnit', 'ss', [unit, 'replace']).catch(ignoreMissing)
  }

  async resetFailed(unit: string): Promise<void> {
    await this.#call('ResetFailedUnit', 's', [unit]).catch(ignoreMissing)
  }

  async kill(unit: string, signal: number, whom: 'all' | 'main'): Promise<void> {
    await this.#call('KillUnit', 'ssi', [unit, whom, signal]).catch(ignoreMissing)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#wakes.close()
    this.#connection?.close()
    this.#connection = undefined
  }

  /** Every call made here may be made twice: where an answer was lost, it is made again on the next connection. */
  async #call(member: string, signature?: string, body?: readonly DbusValue[]): Promise<DbusReader> {
    for (;;) {
      await this.#reconnecting
      const connection = this.#connection
      if (connection === undefined)
        throw new NsctlError('Unreachable', `${member}: the connection to systemd is closed`)
      try {
        return await connection.call(MANAGER, member, signature, body)
      } catch (error) {
        if (this.#closing.signal.aborted) throw error
        if (!this.#isAway(connection, error)) throw error
      }
    }
  }

  /** Whether systemd is away for a moment, because it executes itself anew; then it is connected to again. */
  #isAway(connection: DbusConnection, error: unknown): boolean {
    if (isNsctlError(error, 'Unreachable')) return true
    if (!isNsctlError(error, 'Failed') || !PEER_IS_GONE.has(String(error.value))) return false
    this.#lost(connection, error)
    connection.close()
    return true
  }

  #receive(connection: DbusConnection | undefined, message: IncomingMessage): void {
    if (message.sender === BUS.destination && message.member === 'NameOwnerChanged')
      this.#owner = message.body().readAll('sss')[2] as string
    // on a bus anybody may send us a signal that looks like systemd's
    if (this.#owner !== undefined && message.sender !== this.#owner) return
    const path = message.path ?? ''
    if (message.member === 'PropertiesChanged' && path.startsWith(UNIT_PATH_PREFIX)) {
      const unit = this.#unitOf(path)
      if (unit === undefined) return
      const body = message.body()
      body.readText()
      const change = toUnitChange(body.readMembers(PROPERTIES))
      if (change === undefined) return
      this.#options.events.changed(unit, change)
      // another machine's timers are its own
      if (this.#endpoint?.remote === undefined) this.#wakes.heard(unit, change)
    } else if (message.member === 'UnitRemoved') {
      // a reload takes every unit out of memory and back in
      if (this.#reloading) return
      const unit = message.body().readText()
      this.#units.delete(objectPathOfUnit(unit))
      this.#wakes.removed(unit)
      if (parseUnitName(unit) === undefined || this.#options.events.removed(unit)) return
      if (connection !== undefined) this.#listSoon(connection)
    } else if (message.member === 'Reloading') {
      this.#reloading = message.body().readAll('b')[0] === true
      if (!this.#reloading && connection !== undefined) this.#listSoon(connection)
    }
  }

  /** Once for all that is heard in one go. */
  #listSoon(connection: DbusConnection): void {
    if (this.#listing) return
    this.#listing = true
    setImmediate(() => {
      this.#listing = false
      this.#list(connection).catch((error: unknown) => {
        // where the connection ended, the next one lists again
        if (!this.#isAway(connection, error))
          this.#options.logger.log('warn', 'units could not be listed', { error: messageOf(error) })
      })
    })
  }

  #list(connection: DbusConnection): Promise<void> {
    const { events, pattern = UNIT_PATTERN } = this.#options
    return listUnits(connection, { events, pattern, units: this.#units })
  }

  #unitOf(path: string): string | undefined {
    let unit = this.#units.get(path)
    if (unit === undefined) {
      unit = unitOfObjectPath(path)
      if (unit === undefined || parseUnitName(unit) === undefined) return undefined
      this.#units.set(path, unit)
    }
    return unit
  }

  #lost(connection: DbusConnection | undefined, reason: Error | undefined): void {
    if (connection === undefined || connection !== this.#connection) return
    this.#connection = undefined
    if (this.#closing.signal.aborted) return
    this.#options.logger.log('info', 'the connection to systemd ended: connecting again', {
      reason: reason?.message,
    })
    this.#reconnecting = this.#reconnect().finally(() => {
      this.#reconnecting = undefined
    })
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#closing
    for (let waitMs = 0; !signal.aborted; waitMs = Math.min(waitMs + RECONNECT_STEP_MS, RECONNECT_MAX_MS)) {
      try {
        // the best way is back in a moment, and another would be kept for good
        return await this.connect(signal, waitMs < SAME_WAY_UNTIL_MS ? this.#endpoint : undefined)
      } catch {
        await sleep(waitMs, undefined, { signal, ref: false }).catch(() => {})
      }
    }
  }
}

/** Asks the bus for systemd's signals, and systemd for sending them. Returns the name of the connection that they come from. */
async function subscribe(connection: DbusConnection): Promise<string> {
  const rule = `type='signal',sender='${SYSTEMD}',path_namespace='${MANAGER.path}'`
  const owner = `type='signal',sender='${BUS.destination}',member='NameOwnerChanged',arg0='${SYSTEMD}'`
  await Promise.all([
    connection.call(BUS, 'AddMatch', 's', [rule]),
    connection.call(BUS, 'AddMatch', 's', [owner]),
    connection.call(MANAGER, 'Subscribe').catch((error: unknown) => {
      // systemd remembers a name when it executes itself anew; whoever is not subscribed hears nothing
      if (!isNsctlError(error, 'Failed') || error.value !== ALREADY_SUBSCRIBED) throw error
    }),
  ])
  return (await connection.call(BUS, 'GetNameOwner', 's', [SYSTEMD])).readText()
}

function ignoreMissing(error: unknown): void {
  if (!isMissingUnit(error)) throw error
}
