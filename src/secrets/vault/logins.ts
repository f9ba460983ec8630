/** Tokens of Vault's: made, kept while they are good, renewed or made anew. Never revoked: that would end them for others, too. */
import { createHash } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import { isNsctlError } from '../../core/errors.ts'
import { encoded, type Grant, grantOf, loginRefusal, lookedUp } from './answers.ts'
import type { VaultClient } from './http.ts'

/** How to log in, with its secrets. */
export type Login =
  | { readonly kind: 'token'; readonly token: string }
  | {
      readonly kind: 'appRole'
      readonly mount: string
      readonly roleId: string
      readonly secretId: string
    }

/** A token that is in use. */
export interface Session {
  readonly token: string
  readonly renewable: boolean
  /** How long it was good for when it was made, milliseconds; Infinity for one that does not end. */
  readonly leaseMs: number
  /** Monotonic, milliseconds: from then on it is renewed. */
  readonly renewAtMs: number
  /** Monotonic, milliseconds: from then on it is not used. */
  readonly endsAtMs: number
  /** It was made for this very call. */
  readonly fresh: boolean
}

/** Renewed after so much of its time, so that an outage as long as the rest does no harm. */
const RENEW_AFTER = 2 / 3
/** A request under way when a token ends is refused, so it is not used to the last. */
const MARGIN_MS = 10_000
/** More than anybody has; who was not seen longest is forgotten, and logs in again. */
const MAX_SESSIONS = 1_000

export class VaultLogins {
  readonly #clock: Clock
  readonly #sessions = new Map<string, Session>()
  readonly #underWay = new Map<string, Promise<Session>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * A token that is good, of these very credentials. Those who ask for the same at once share one login.
   *
   * @throws ExternalError, or the signal's reason
   */
  async session(client: VaultClient, about: string, login: Login, signal: AbortSignal): Promise<Session> {
    const key = keyOf(about, login)
    const kept = this.#sessions.get(key)
    if (kept !== undefined && this.#clock.monotonic() < kept.renewAtMs) return { ...kept, fresh: false }
    const underWay = this.#underWay.get(key) ?? this.#begin(key, client, login)
    return await orAbort(underWay, signal)
  }

  /** For a token that Vault does not take any more. */
  forget(about: string, login: Login): void {
    this.#sessions.delete(keyOf(about, login))
  }

  #begin(key: string, client: VaultClient, login: Login): Promise<Session> {
    // no caller's signal: others wait for the same. The client bounds it
    const making = this.#obtain(key, client, login).finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, making)
    return making
  }

  async #obtain(key: string, client: VaultClient, login: Login): Promise<Session> {
    const kept = this.#sessions.get(key)
    const renewed = kept === undefined ? undefined : await this.#renew(client, kept, login)
    if (renewed !== undefined) return this.#keep(key, { ...renewed, fresh: false })
    return this.#keep(key, await this.#make(client, login))
  }

  #keep(key: string, session: Session): Session {
    this.#sessions.delete(key)
    this.#sessions.set(key, session)
    const [oldest] = this.#sessions.keys()
    if (this.#sessions.size > MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest)
    return session
  }

  async #make(client: VaultClient, login: Login): Promise<Session> {
    const signal = new AbortController().signal
    const startedAtMs = this.#clock.monotonic()
    if (login.kind === 'token') {
      const path = '/auth/token/lookup-self'
      const answer = await client.ask({ method: 'GET', path, token: login.token, signal })
      return sessionOf(lookedUp(answer, login.token, client.name), startedAtMs)
    }
    const { mount, roleId, secretId } = login
    const path = `/auth/${encoded(mount)}/login`
    const body = { role_id: roleId, secret_id: secretId }
    const answer = await client.ask({ method: 'POST', path, body, signal })
    const grant = grantOf(answer)
    if (grant === undefined) throw loginRefusal(answer, client.name, mount)
    return sessionOf(grant, startedAtMs)
  }

  /** Undefined where it has to be made anew: it has ended, or its time is nearly up whatever is done. */
  async #renew(client: VaultClient, kept: Session, { kind }: Login): Promise<Session | undefined> {
    const now = this.#clock.monotonic()
    if (kept.endsAtMs <= now) return undefined
    // who brought a token has no other, so that one is used to its end
    const asItIs =
      kind === 'token' ? { ...kept, renewAtMs: Math.min(kept.endsAtMs, now + MARGIN_MS) } : undefined
    if (!kept.renewable) return asItIs
    try {
      const signal = new AbortController().signal
      const path = '/auth/token/renew-self'
      const answer = await client.ask({ method: 'POST', path, token: kept.token, body: {}, signal })
      const grant = grantOf(answer)
      if (grant === undefined) return asItIs
      const renewed = sessionOf({ ...grant, token: kept.token }, now)
      const isWorthIt = renewed.leaseMs > kept.leaseMs * (1 - RENEW_AFTER)
      return isWorthIt ? { ...renewed, leaseMs: kept.leaseMs } : asItIs
    } catch (error) {
      // still good for what is left of it
      if (isNsctlError(error, 'Unreachable'))
        return { ...kept, renewAtMs: Math.min(kept.endsAtMs, now + MARGIN_MS) }
      throw error
    }
  }
}

function sessionOf({ token, leaseSeconds, renewable }: Grant, startedAtMs: number): Session {
  const leaseMs = leaseSeconds > 0 ? leaseSeconds * 1000 : Number.POSITIVE_INFINITY
  const marginMs = Math.min(MARGIN_MS, leaseMs / 10)
  return {
    token,
    renewable,
    leaseMs,
    renewAtMs: startedAtMs + leaseMs * RENEW_AFTER,
    endsAtMs: startedAtMs + leaseMs - marginMs,
    fresh: true,
  }
}

/** Of the secrets too: a kept token is for those only who could have got it themselves. */
function keyOf(about: string, login: Login): string {
  return createHash('sha256')
    .update(JSON.stringify([about, login]))
    .digest('base64')
}

async function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
