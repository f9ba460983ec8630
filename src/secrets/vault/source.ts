/** Vault's key-value engine, version 2, as a source of values. OpenBao speaks the same. */
import type { Clock } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import type { SecretExternal, SecretVault } from '../../resources/generated/types.ts'
import {
  type ExternalCredentials,
  ExternalError,
  type ExternalSource,
  type ExternalValues,
} from '../external.ts'
import { readPath, type VaultSecret, valuesOf } from './answers.ts'
import { VaultClient } from './http.ts'
import { type Login, type Session, VaultLogins } from './logins.ts'

/** Addresses at a time; of one that is not used any more the connections end by themselves. */
const MAX_CLIENTS = 100

export interface VaultSourceOptions {
  readonly clock: Clock
  /** How long one request may take; 10 s where left out. */
  readonly limitMs?: number
}

const LIMIT_MS = 10_000

/** Reads `spec.external.vault`. Keeps connections and tokens in memory, and no value. */
export function vaultSource(options: VaultSourceOptions): ExternalSource {
  return new VaultSource(options)
}

class VaultSource implements ExternalSource {
  readonly kind = 'vault'
  readonly #clients = new Map<string, VaultClient>()
  readonly #logins: VaultLogins
  readonly #limitMs: number

  constructor({ clock, limitMs = LIMIT_MS }: VaultSourceOptions) {
    this.#logins = new VaultLogins(clock)
    this.#limitMs = limitMs
  }

  async fetch(
    { vault }: SecretExternal,
    credentials: ExternalCredentials,
    signal: AbortSignal,
  ): Promise<ExternalValues> {
    signal.throwIfAborted()
    if (vault === undefined) throw new NsctlError('Bug', 'this Secret is not kept in Vault')
    const login = await loginOf(vault, credentials)
    const about = aboutOf(vault)
    const client = this.#clientOf(about, vault)
    const { mount, path, version } = vault
    const secret = { vault: client.name, mount, path, version }
    const first = await this.#logins.session(client, about, login, signal)
    const answer = await read(client, secret, first, signal)
    if (answer.status !== 403 || first.fresh) return valuesOf(answer, secret)
    // a token that was kept may have been revoked or used up; one that was made just now has not
    this.#logins.forget(about, login)
    const second = await this.#logins.session(client, about, login, signal)
    return valuesOf(await read(client, secret, second, signal), secret)
  }

  close(): void {
    for (const client of this.#clients.values()) client.close()
    this.#clients.clear()
  }

  #clientOf(about: string, { address, namespace, caCert }: SecretVault): VaultClient {
    const kept = this.#clients.get(about)
    const client = kept ?? new VaultClient({ address, namespace, caCert, limitMs: this.#limitMs })
    this.#clients.delete(about)
    this.#clients.set(about, client)
    const [oldest] = this.#clients.keys()
    // not closed: a request may be under way, and idle connections do not keep a process
    if (this.#clients.size > MAX_CLIENTS && oldest !== undefined) this.#clients.delete(oldest)
    return client
  }
}

function read(client: VaultClient, secret: VaultSecret, { token }: Session, signal: AbortSignal) {
  return client.ask({ method: 'GET', path: readPath(secret), token, signal })
}

function aboutOf({ address, namespace, caCert }: SecretVault): string {
  return JSON.stringify([address, namespace ?? '', caCert ?? ''])
}

async function loginOf({ auth }: SecretVault, credentials: ExternalCredentials): Promise<Login> {
  if (auth?.token !== undefined)
    return { kind: 'token', token: sendable(await credentials.get(auth.token), 'token') }
  if (auth?.appRole === undefined) throw new NsctlError('Bug', 'this Secret does not say how to log in')
  const { mount, roleId, secretId } = auth.appRole
  return { kind: 'appRole', mount, roleId, secretId: sendable(await credentials.get(secretId), 'secret id') }
}

/** Files end in a newline more often than tokens do. */
function sendable(text: string, what: string): string {
  const trimmed = text.trim()
  if (/^[\x21-\x7e]+$/.test(trimmed)) return trimmed
  throw new ExternalError(
    'NotPermitted',
    `the ${what} for Vault is empty, or has characters that no ${what} has`,
    {
      next: 'put the right one into the Secret that spec.external.vault.auth names',
    },
  )
}
