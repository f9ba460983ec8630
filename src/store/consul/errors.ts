/** What Consul, TLS and the network report, as the store's errors. */
import { type ErrorCode, type ErrorDetails, messageOf, NsctlError } from '../../core/errors.ts'
import { type ConsulAddress, type Endpoint, endpointName } from './address.ts'

/**
 * What is known of a request that failed. `never`: it did nothing, and asking again does not help. `absent`: it did nothing,
 * since nobody was there; somebody may come. `unknown`: it may have been carried out, or will be; asking again may help.
 */
export type Outcome = 'never' | 'absent' | 'unknown'

/** A request that failed. */
export class ConsulError extends NsctlError {
  readonly outcome: Outcome
  /** The message without the store’s name, to stand beside others. */
  readonly reason: string

  constructor(
    outcome: Outcome,
    code: ErrorCode,
    message: string,
    details: ErrorDetails & { readonly reason?: string } = {},
  ) {
    super(code, message, details)
    this.outcome = outcome
    this.reason = details.reason ?? message
  }
}

/** A store, and which of its endpoints was asked. */
export interface AskedAddress extends ConsulAddress {
  readonly asked?: Endpoint
}

/** True for a failure that may heal by itself: an election, a server that restarts, a connection that broke. */
export function isTransient(error: unknown): boolean {
  return error instanceof ConsulError && error.outcome === 'unknown'
}

/** True for one that may heal if one waits for Consul to come back. Who has just been typed to should rather say so. */
export function mayHeal(error: unknown): error is ConsulError {
  return error instanceof ConsulError && error.outcome !== 'never'
}

/** Members of what node-consul rejects with. */
interface Rejection {
  readonly code?: unknown
  readonly isTimeout?: boolean
  /** What the system was asked for: `connect`, `read`, `getaddrinfo`. */
  readonly syscall?: unknown
  readonly response?: { readonly statusCode?: number; readonly body?: unknown }
}

/** How long a connection may take to come about. */
export const CONNECT_LIMIT_MS = 2_000

/** While connecting. Of a connection that stood the same is heard when it breaks. */
const REFUSED: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (connection refused)',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'its name cannot be resolved now',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ETIMEDOUT: `no connection within ${CONNECT_LIMIT_MS} ms`,
}

/** OpenSSL's and Node's codes for a server certificate that is not accepted. */
const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by nobody we know',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by nobody we know',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by nobody we know',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by nobody we know',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
}

/** The error of a request to `address` that node-consul rejected. */
export function translate(thrown: unknown, address: AskedAddress): unknown {
  if (thrown instanceof NsctlError || !(thrown instanceof Error)) return thrown
  const error = withoutRequest(thrown)
  const { code, isTimeout, response } = error
  if (response?.statusCode !== undefined)
    return fromStatus(response.statusCode, bodyText(response.body), address, error)
  if (isTimeout === true) return failure('unknown', address, 'it does not answer in time', error)
  if (typeof code !== 'string') return failure('unknown', address, messageOf(error), error)
  const refused = isOfConnecting(thrown) ? REFUSED[code] : undefined
  if (refused !== undefined) return failure('absent', address, refused, error)
  const certificate = CERTIFICATE[code]
  if (certificate !== undefined)
    return failure(
      'never',
      address,
      certificate,
      error,
      'renew the certificate, or name the authority that signed it: CONSUL_CACERT or ?ca=PATH',
    )
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code === 'EPROTO')
    return fromTls(error, code, address)
  return failure('unknown', address, messageOf(error), error)
}

/** Several addresses of one host were tried and failed, or the only one did. */
function isOfConnecting(error: Error & Rejection): boolean {
  return error instanceof AggregateError || error.syscall === 'connect' || error.syscall === 'getaddrinfo'
}

/** What node-consul throws holds the request, and so the token: whoever prints causes must not find it. */
function withoutRequest(error: Error & Rejection): Error & Rejection {
  const { message, code, isTimeout, response } = error
  const plain = Object.assign(new Error(message), { code, ...(isTimeout === undefined ? {} : { isTimeout }) })
  if (response === undefined) return plain
  const { statusCode, body } = response
  const answer = { ...(statusCode === undefined ? {} : { statusCode }), body: bodyText(body) }
  return Object.assign(plain, { response: answer })
}

function fromTls(error: Error, code: string, address: AskedAddress): ConsulError {
  if (/wrong.version.number|packet.length|http.request/i.test(`${code} ${error.message}`))
    return failure('never', address, 'it does not speak TLS', error, 'write consul:// for plain HTTP')
  const next = /EXPIRED/i.test(`${code} ${error.message}`)
    ? 'renew the client certificate: CONSUL_CLIENT_CERT or ?cert=PATH'
    : 'check the client certificate and its key: CONSUL_CLIENT_CERT, CONSUL_CLIENT_KEY or ?cert=PATH&key=PATH'
  return failure('never', address, `the TLS handshake failed (${code})`, error, next)
}

function fromStatus(status: number, body: string, address: AskedAddress, error: Error): ConsulError {
  const said = body.trim().slice(0, 200)
  if (status === 403) return denied(address, said, error)
  if (status === 413)
    return new ConsulError('never', 'TooLarge', `Consul refuses the transaction: ${said}`, {
      value: address.url,
      next: 'make the object smaller, or split it',
      cause: error,
    })
  if (status === 400 && said.includes('HTTPS server'))
    return failure('never', address, 'it speaks TLS only', error, 'write consuls:// instead of consul://')
  if (status === 500 && /No path to datacenter/i.test(said))
    return failure(
      'never',
      address,
      `there is no datacenter ${address.datacenter ?? ''}`,
      error,
      'name one of consul catalog datacenters: ?dc=…',
    )
  // no leader, an election, a leader that lost its office while it committed, too many connections
  if (status >= 500 || status === 429)
    return failure('unknown', address, `it answers ${status}: ${said}`, error)
  return failure(
    'never',
    address,
    `it answers ${status}: ${said}`,
    error,
    'check that a Consul listens there',
  )
}

/** @param said Consul's own words: `ACL not found` for a token that it does not know, else what is not permitted */
export function denied(address: AskedAddress, said: string, cause?: unknown): ConsulError {
  const { prefix } = address
  const unknown = /ACL not found/i.test(said)
  const what = unknown ? 'does not know the token' : `refuses the token: ${said}`
  return new ConsulError('never', 'Unreachable', `the store ${address.url} ${what}`, {
    value: address.url,
    next: unknown
      ? 'check CONSUL_HTTP_TOKEN or ?token-file='
      : `give the token a policy with key_prefix ${JSON.stringify(prefix)} { policy = "write" }`,
    cause,
  })
}

export function failure(
  outcome: Outcome,
  address: AskedAddress,
  what: string,
  cause?: unknown,
  next = 'check the address, and that Consul runs there',
): ConsulError {
  const { url, endpoints, asked } = address
  const where = asked === undefined || endpoints.length === 1 ? '' : `${endpointName(asked)}: `
  const reason = `${where}${what}`
  return new ConsulError(outcome, 'Unreachable', `the store ${url} cannot be reached: ${reason}`, {
    value: url,
    next,
    cause,
    reason,
  })
}

/** Nobody is at any endpoint: what was said of each, as one error. */
export function nobody(errors: readonly ConsulError[], address: ConsulAddress): ConsulError {
  const [first] = errors
  if (first !== undefined && errors.length === 1) return first
  const reasons = errors.map(({ reason }) => reason).join('; ')
  return failure('absent', address, reasons, new AggregateError(errors), first?.next)
}

function bodyText(body: unknown): string {
  // without a content type node-consul leaves it as bytes
  if (typeof body === 'string' || Buffer.isBuffer(body)) return String(body)
  return body === undefined ? '' : JSON.stringify(body)
}
