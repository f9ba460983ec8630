/**
 * The port to a catalog of services: a directory beside nsctl that others ask where a service is, by DNS for instance. Its only
 * consumer is the agent, which puts its node's ready instances in.
 *
 * Contract, held by every catalog and checked by test/traffic/contract.ts:
 * - A catalog is opened for one owner (a store and a node). It lists and touches only what that owner registered; of an id that
 *   two owners register the last one has it, which the other knows with its next `list`.
 * - `register` puts an entry in whole, or replaces the one of its id, checks included. Its checks begin as passing: what is
 *   registered is known to be ready. When it resolves, whoever asks the catalog is told of the entry.
 * - `deregister` of what is not there changes nothing. When it resolves, nobody who asks is told of the entry any more.
 * - Checks are the catalog's own, and go on while nsctl does not run; only a `ttl` check has to be renewed. An entry whose check
 *   fails is not told to those who ask, and is listed as failing.
 * - Nothing is kept here: what the catalog forgot, or somebody changed there, is seen in the next `list`.
 * - All reject with a CatalogError, or with the signal's reason once it aborts.
 */
import { type ErrorDetails, NsctlError } from '../core/errors.ts'
import { digest } from '../core/ids.ts'
import { canonicalJson } from '../core/json.ts'

export interface Catalog {
  /** What it is called for people: `Consul at 127.0.0.1:8500`. */
  readonly name: string
  /** What somebody asks for who looks for a service: `web.service.consul`. */
  nameOf(service: string): string
  list(signal: AbortSignal): Promise<readonly RegisteredEntry[]>
  register(entry: CatalogEntry, signal: AbortSignal): Promise<void>
  deregister(id: string, signal: AbortSignal): Promise<void>
  /** Says that what has a `ttl` check lives. */
  renew(id: string, signal: AbortSignal): Promise<void>
  /** Ends its connections. What is registered stays. */
  close(): void
}

/** What can be seen of an entry. */
export interface EntryFacts {
  /** Unique in the catalog. */
  readonly id: string
  /** A DNS label; several entries of one service are its instances. */
  readonly service: string
  /** IPv4 or IPv6. */
  readonly address: string
  /** Absent where it listens on none. */
  readonly port?: number
  readonly tags: readonly string[]
  readonly meta: Readonly<Record<string, string>>
}

export interface CatalogEntry extends EntryFacts {
  readonly checks: readonly CatalogCheck[]
}

/** How the catalog sees by itself whether an entry lives. */
export type CatalogCheck =
  | ({ readonly kind: 'http'; readonly url: string } & CheckPace)
  | ({ readonly kind: 'tcp'; readonly host: string; readonly port: number } & CheckPace)
  /** Passing until so long after its last renewal. Stands alone. */
  | { readonly kind: 'ttl'; readonly ttlMs: number }

export interface CheckPace {
  readonly periodMs: number
  readonly timeoutMs: number
  /** So many failures in a row make it fail. */
  readonly failureThreshold: number
}

/** An entry as the catalog has it. */
export interface RegisteredEntry extends EntryFacts {
  /** `checksText` of the checks it was registered with; another text where they are not whole any more. */
  readonly checks: string
  /** What a failing check says; absent while all pass. */
  readonly failing?: string
}

/** One text for equal checks, short enough to be kept beside an entry: `2-h3kq9x2mzcw8v4tp`, how many they are in front. */
export function checksText(checks: readonly CatalogCheck[]): string {
  return `${checks.length}-${digest(canonicalJson(checks), 16)}`
}

/**
 * Why a catalog did not do what it was asked. `Unreachable`: nobody answers, or not in time. `NotPermitted`: the token lacks a
 * permission, which the message names. `Elsewhere`: the entry's address means this machine, and the catalog is on another.
 * `Refused`: it answered, and said no.
 */
export type CatalogReason = 'Unreachable' | 'NotPermitted' | 'Elsewhere' | 'Refused'

export class CatalogError extends NsctlError {
  readonly reason: CatalogReason

  constructor(reason: CatalogReason, message: string, details: ErrorDetails = {}) {
    super(reason === 'Unreachable' ? 'Unreachable' : 'Failed', message, details)
    this.reason = reason
  }
}

/** Deregisters all that the catalog's owner has in it. Returns how many that were. */
export async function clearCatalog(catalog: Catalog, signal: AbortSignal): Promise<number> {
  const entries = await catalog.list(signal)
  for (const { id } of entries) await catalog.deregister(id, signal)
  return entries.length
}
