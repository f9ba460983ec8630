/**
 * Caddy as a balancer. Its configuration says once which routes there are, through the admin API; which instances are behind each it
 * asks of a name server of ours, so that a change of instances changes no configuration and ends no connection.
 */
import { type Clock, delay } from '../../core/clock.ts'
import { digest } from '../../core/ids.ts'
import { deepEqual } from '../../core/json.ts'
import { type Backend, type Balancer, BalancerError, type BalancerEvents, type Route } from '../balancer.ts'
import { type AdminAddress, CaddyAdmin } from './admin.ts'
import { configured, namesPortIn, REFRESH_MS, routeName } from './config.ts'
import type { Target } from './dns.ts'
import { Holders } from './holders.ts'
import { NameServer } from './names.ts'

export interface CaddyOptions extends BalancerEvents {
  readonly admin: AdminAddress
  /** Whose routes these are. */
  readonly owner: { readonly store: string; readonly node: string }
  readonly clock: Clock
  /** So many requests of a route without backends wait at a time. */
  readonly maxHeld?: number
  /** And for so long. */
  readonly holdMs?: number
}

const MAX_HELD = 100
const HOLD_MS = 30_000
/** From being told something else of backends to going by it, with what a lookup may take. */
const SETTLE_MS = REFRESH_MS + 100
const MAX_ATTEMPTS = 5
/** Caddy may have been restarted without what it was told, or somebody may have changed it. */
const VERIFY_MS = 4_000
/** A backend is told so often at most for its weight. */
const MAX_SHARES = 100

/** Connects to nothing yet. */
export function openCaddy(options: CaddyOptions): Balancer {
  return new CaddyBalancer(options)
}

class CaddyBalancer implements Balancer {
  readonly #options: CaddyOptions
  readonly #admin: CaddyAdmin
  readonly #owner: string
  readonly #suffix: string
  readonly #names: NameServer
  readonly #holders: Holders
  #namesPort: number | undefined
  #routes: readonly Route[] = []
  #targets: ReadonlyMap<string, readonly Target[]> = new Map()
  /** Ids of routes by the names that Caddy asks for. */
  #ids: ReadonlyMap<string, string> = new Map()
  /** When everything that is not a backend any more has been given up, by the monotonic clock. */
  #settledMs = 0
  #started = false
  /** The last configuration that was found or made right: of which routes, and when by the monotonic clock. */
  #verified: { readonly shape: unknown; readonly atMs: number } | undefined

  constructor(options: CaddyOptions) {
    const { admin, owner } = options
    this.#options = options
    this.#admin = new CaddyAdmin(admin)
    this.#owner = `nsctl-${digest(`${owner.store} ${owner.node}`, 6)}`
    this.#suffix = `${this.#owner}.internal`
    this.#names = new NameServer(this.#suffix, (name) => this.#targetsOf(name))
    this.#holders = new Holders({
      maxHeld: options.maxHeld ?? MAX_HELD,
      holdMs: options.holdMs ?? HOLD_MS,
      onHeld: (route) => options.onHeld?.(route),
    })
  }

  get name(): string {
    return this.#admin.name
  }

  async lead(routes: readonly Route[], signal: AbortSignal): Promise<void> {
    await this.#holders.lead(routes)
    this.#tell(routes)
    const [written] = await Promise.allSettled([this.#configure(signal), this.#settle(signal)])
    signal.throwIfAborted()
    if (written.status === 'rejected') throw written.reason
  }

  async handOver(signal: AbortSignal): Promise<void> {
    if (this.#namesPort === undefined) return
    await this.#write(signal, true)
    // Caddy goes on with what it was told last, whose addresses it has to ask for
    this.#targets = new Map()
    await delay(this.#options.clock, SETTLE_MS, signal)
  }

  async close(): Promise<void> {
    this.#admin.close()
    await Promise.all([this.#names.close(), this.#holders.close()])
  }

  #targetsOf(name: string): readonly Target[] | undefined {
    // Caddy asks where a request needs it, and keeps the answer for a moment only
    const id = this.#ids.get(name)
    if (id !== undefined) this.#options.onRequests?.(id)
    return this.#targets.get(name)
  }

  /** From now on, whoever asks is told of these. */
  #tell(routes: readonly Route[]): void {
    const targets = new Map(
      routes.map((route) => [
        routeName(route.id, this.#suffix),
        route.backends.length > 0 ? shares(route.backends) : this.#holders.targetsOf(route.id),
      ]),
    )
    const isGone = ([name, before]: readonly [string, readonly Target[]]) => {
      const now = new Set((targets.get(name) ?? []).map(textOf))
      return before.some((one) => !now.has(textOf(one)))
    }
    // what an earlier process told is not known
    if (!this.#started || [...this.#targets].some(isGone))
      this.#settledMs = this.#options.clock.monotonic() + SETTLE_MS
    this.#started = true
    this.#routes = routes
    this.#targets = targets
    this.#ids = new Map(routes.map(({ id }) => [routeName(id, this.#suffix), id]))
  }

  async #settle(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    const leftMs = this.#settledMs - clock.monotonic()
    if (leftMs > 0) await delay(clock, leftMs, signal)
  }

  /** Writes where routes are other ones than before, and looks after a while whether what was written is still there. */
  async #configure(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    const shape = this.#routes.map(({ backends: _, ...rest }) => rest)
    const { atMs = 0 } = this.#verified ?? {}
    const isFresh = clock.monotonic() - atMs < VERIFY_MS
    if (this.#verified !== undefined && isFresh && deepEqual(shape, this.#verified.shape)) return
    this.#verified = undefined
    const refused = await this.#write(signal, false)
    const [first] = refused
    if (first !== undefined)
      throw new BalancerError('Refused', `${first[0]} is not led: ${first[1]}`, {
        next: 'have it listen on another port, or say the same of tls',
        routes: refused,
      })
    this.#verified = { shape, atMs: clock.monotonic() }
  }

  /** Makes the configuration as it should be, and leaves one that is so alone. Returns what cannot be led. */
  async #write(signal: AbortSignal, withBackends: boolean): Promise<ReadonlyMap<string, string>> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const { config, etag } = await this.#admin.read(signal)
      // the port that an earlier process had is in the configuration, which then stays as it is
      this.#namesPort ??= await this.#names.listen(namesPortIn(config, this.#owner))
      const wanted = configured(config, {
        owner: this.#owner,
        suffix: this.#suffix,
        namesPort: this.#namesPort,
        routes: this.#routes,
        withBackends,
      })
      if (deepEqual(config ?? {}, wanted.config)) return wanted.refused
      if (await this.#admin.write(wanted.config, etag, signal)) return wanted.refused
    }
    throw new BalancerError('Conflict', `${this.name} is configured by others all the time`, {
      next: 'it is tried again by itself',
    })
  }
}

/** Each as often as its weight says, in the smallest numbers that do. */
function shares(backends: readonly Backend[]): readonly Target[] {
  const weighed = backends.filter(({ weight }) => weight > 0)
  const led = weighed.length > 0 ? weighed : backends.map((one) => ({ ...one, weight: 1 }))
  const most = Math.max(...led.map(({ weight }) => weight))
  const scale = most > MAX_SHARES ? MAX_SHARES / most : 1
  const counts = led.map(({ weight }) => Math.max(1, Math.round(weight * scale)))
  const divisor = counts.reduce(greatestCommonDivisor)
  return led.flatMap(({ address, port }, index) =>
    Array.from({ length: (counts[index] ?? 1) / divisor }, () => ({ address, port })),
  )
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

function textOf({ address, port }: Target): string {
  return `${address} ${port}`
}
