/**
 * The one way in which the control plane itself uses a secret: to log in somewhere on behalf of an object that names one. What runs on
 * nodes gets its secrets by Deliveries instead.
 */
import { type ErrorDetails, NsctlError } from '../core/errors.ts'
import type { Config, Secret } from '../resources/generated/types.ts'
import type { ValuePlace } from './value.ts'

/** Values of Secrets, in the clear. Whoever gets one keeps it out of logs, errors, status and events. */
export interface SecretValues {
  /** @throws SecretValueError, or what reading the store rejects with */
  get(place: ValuePlace): Promise<Uint8Array>
}

/** Values from wherever an object says that they come from. */
export interface ValueResolver {
  /**
   * @param namespace that of the object that says so: it can name nothing of another
   * @throws SecretValueError, or what reading the store rejects with
   */
  resolve(source: ValueSource, namespace: string): Promise<Uint8Array>
}

/** Where Configs and Secrets are found: the store, or what is known of it. */
export interface MaterialObjects {
  config(namespace: string, name: string): Promise<Config | undefined>
  secret(namespace: string, name: string): Promise<Secret | undefined>
}

/** Where a value comes from, as objects say it: exactly one of these. */
export type ValueSource =
  | { readonly value: string }
  | { readonly secretKeyRef: KeyOf }
  | { readonly configKeyRef: KeyOf }
  /** A variable of the control plane's own environment, of those that are meant for it. */
  | { readonly env: string }

/** A key of an object in the namespace of whoever names it. */
export interface KeyOf {
  readonly name: string
  readonly key: string
}

/** Only variables that begin so can be named: the others are nobody's business who may write to the store. */
export const VARIABLE_PREFIX = 'NSCTL_VALUE_'

/**
 * Why a value is not to be had. `Missing…`: there is no such object, key or variable. `NotFetched`: it is kept elsewhere, and was not
 * to be had there yet. `NotOpened`: the control plane cannot open it. `NotAllowed`: the variable is none that may be named.
 */
export type SecretValueReason =
  | 'MissingSecret'
  | 'MissingConfig'
  | 'MissingKey'
  | 'MissingVariable'
  | 'NotFetched'
  | 'NotOpened'
  | 'NotAllowed'

export class SecretValueError extends NsctlError {
  readonly reason: SecretValueReason

  constructor(reason: SecretValueReason, message: string, details: ErrorDetails = {}) {
    super(reason.startsWith('Missing') ? 'NotFound' : 'Failed', message, details)
    this.reason = reason
  }
}
