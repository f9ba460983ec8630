/**
 * The port to a load balancer: what takes requests from outside and leads them to instances. Its only consumer is the agent of
 * the machine that the balancer runs on.
 *
 * Contract, held by every balancer and checked by test/traffic/balancer-contract.ts:
 * - A balancer is opened for one owner (a store and a node). What others have set up there stays as it is.
 * - `lead` makes it lead as `routes` say, all of them and nothing else of its owner's. When it resolves, no request begins any more to a
 *   backend that is not among them; those that had begun go on to their end.
 * - A change of backends alone interrupts nobody: no connection of a client is ended by it, and none is refused.
 * - A request is led to each backend in proportion to the weights of all. One that cannot be connected to is passed over for another, at least
 *   by requests without a body; a request that a backend may have seen is not sent again, unless its method says that it may be.
 * - A request for a route without backends is held until there is one, so many at a time and for so long; beyond that it is answered 503 with
 *   Retry-After. `onHeld` is told at once.
 * - What is led outlives the connection to nsctl: a balancer that is restarted is told everything again by the next `lead`.
 * - `lead` may be called at any time with anything; the last call counts. It rejects with a BalancerError, or with the signal's reason. What it
 *   could do by then it has done.
 */
import { type ErrorDetails, NsctlError } from '../core/errors.ts'

export interface Balancer {
  /** What it is called for people: `Caddy at 127.0.0.1:2019`. */
  readonly name: string
  lead(routes: readonly Route[], signal: AbortSignal): Promise<void>
  /** Before this process ends: has it lead on as it does now, without this process. */
  handOver(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export interface BalancerEvents {
  /** A request waits for a route that has no backend. Told again and again while one does. */
  readonly onHeld?: (route: string) => void
  /** Requests come in for a route. Told at least every second while they do, and not where none do. */
  readonly onRequests?: (route: string) => void
}

export interface Route {
  /** Unique; `default/web`. */
  readonly id: string
  /** `web.example.org`, `*.example.org`; every host where empty. */
  readonly hosts: readonly string[]
  /** `/` or `/api`: that path and all below it. */
  readonly path: string
  /** Where it is listened on: `:443`, `127.0.0.1:8080`, `[::1]:8080`. */
  readonly listen: string
  /** `automatic`: with a certificate that the balancer gets; `internal`: with one that it makes by itself, which nobody trusts by default. */
  readonly tls: 'automatic' | 'internal' | 'off'
  /** Whether requests of one client go to one backend while that is there. */
  readonly affinity: 'none' | 'cookie' | 'ip'
  /** They speak HTTP. */
  readonly backends: readonly Backend[]
}

export interface Backend {
  /** IPv4 or IPv6. */
  readonly address: string
  readonly port: number
  /** Of the sum of all; 0 is led to where all others are 0, too. */
  readonly weight: number
}

/**
 * Why a balancer does not lead as it should. `Unreachable`: nobody answers, or not in time. `Refused`: it answered, and said no.
 * `Conflict`: others change it all the time.
 */
export type BalancerReason = 'Unreachable' | 'Refused' | 'Conflict'

export class BalancerError extends NsctlError {
  readonly reason: BalancerReason
  /** Routes that are not led, by id, and why, where all others are; all of them where left out. */
  readonly routes: ReadonlyMap<string, string> | undefined

  constructor(
    reason: BalancerReason,
    message: string,
    details: ErrorDetails & { readonly routes?: ReadonlyMap<string, string> } = {},
  ) {
    super(reason === 'Unreachable' ? 'Unreachable' : 'Failed', message, details)
    this.reason = reason
    this.routes = details.routes
  }
}
