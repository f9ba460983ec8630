/**
 * The port to what keeps values elsewhere: Vault, and what may follow. Its only consumer is the control plane, which fetches what
 * Secrets name and gives it to the nodes.
 *
 * Contract, held by every source and checked by test/secrets/external-contract.ts:
 * - `fetch` reads one secret whole, as it is now, or rejects: half of one is never given.
 * - What is there decides, not what was: a source may keep a login, never a value.
 * - A login belongs to who brought its credentials. With other credentials, or without, nobody is let in by one that is kept.
 * - Credentials are asked for when they are needed, and nothing else is done with them than to log in at the address of the spec.
 * - No error holds a credential or a value, nor does any say how long one is.
 * - All reject with an ExternalError, with what a credential's own lookup rejects with, or with the signal's reason once it aborts.
 */
import { type ErrorDetails, NsctlError } from '../core/errors.ts'
import type { SecretExternal, SecretKeyRef } from '../resources/generated/types.ts'

/** Reads secrets. */
export interface ExternalReader {
  fetch(spec: SecretExternal, credentials: ExternalCredentials, signal: AbortSignal): Promise<ExternalValues>
}

/** Keeps connections and logins, and ends the former. Logins are left to run out: others may share them. */
export interface ExternalSource extends ExternalReader {
  /** What it is called in status: `vault`. */
  readonly kind: string
  close(): void
}

/** The credentials that a spec names, in the namespace of its Secret. */
export interface ExternalCredentials {
  /** @throws what says that there is none: see `SecretValueError` */
  get(ref: SecretKeyRef): Promise<string>
}

export interface ExternalValues {
  /** What the source calls this state of the secret, for people: `version 7 of secret/shop`. */
  readonly version: string
  /** All of it, by the source's own names. */
  readonly values: ReadonlyMap<string, Uint8Array>
}

/**
 * Why values could not be had. `Unreachable`: nobody answers, or not in time. `Unavailable`: it answers that it cannot now, and may soon.
 * `NotPermitted`: it does not let us in, or not there. `Missing`: there is no such secret, or not any more. `Unusable`: what
 * it has cannot be taken. `Refused`: it is not what it is taken for.
 */
export type ExternalReason =
  | 'Unreachable'
  | 'Unavailable'
  | 'NotPermitted'
  | 'Missing'
  | 'Unusable'
  | 'Refused'

export interface ExternalErrorDetails extends ErrorDetails {
  /** How long the source asks to be left alone, milliseconds. */
  readonly retryAfterMs?: number
}

export class ExternalError extends NsctlError {
  readonly reason: ExternalReason
  readonly retryAfterMs: number | undefined

  constructor(reason: ExternalReason, message: string, details: ExternalErrorDetails = {}) {
    const isAway = reason === 'Unreachable' || reason === 'Unavailable'
    super(isAway ? 'Unreachable' : 'Failed', message, details)
    this.reason = reason
    this.retryAfterMs = details.retryAfterMs
  }
}
