/** The machine's side of joining: asks a join listener, and believes none but the one that its token names. */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { type RequestOptions, request } from 'node:https'
import type { PeerCertificate } from 'node:tls'
import { type ErrorCode, EXIT_CODES, messageOf, NsctlError } from '../core/errors.ts'
import { isObject } from '../core/json.ts'
import { fingerprintOf, isControlPlane, keyPem, newKey } from './authority.ts'
import { type JoinAnswer, type JoinToken, readJoinAnswer } from './token.ts'

/** What a machine keeps of having joined. Secret. */
export interface Membership extends JoinAnswer {
  /** The certificate of the authority. */
  readonly authority: string
  /** Of the node's certificate, as PEM. */
  readonly key: string
  /** Where join listeners are. */
  readonly addresses: readonly string[]
  /** The id of the token that it joined with. */
  readonly token: string
}

const LIMIT_MS = 15_000
const MAX_ANSWER_BYTES = 64 * 1024

export interface JoinWish {
  readonly node: string
  readonly recipient: string
  readonly labels: Readonly<Record<string, string>>
}

/**
 * Redeems `token` at the first of its listeners that answers.
 *
 * @throws NsctlError Failed, Conflict and Invalid in the listener's words; Denied where none is the control plane's; Unreachable
 */
export async function joinWith(token: JoinToken, wish: JoinWish, signal: AbortSignal): Promise<Membership> {
  const { id, secret, addresses } = token
  const privateKey = newKey()
  const body = { ...wish, id, secret, publicKey: keyPem(createPublicKey(privateKey)) }
  return await firstOf(addresses, async (address) => {
    const authority = await authorityAt(address, token, signal)
    const said = await ask({ address, path: '/v1/join', body, authority, signal })
    const answer = readJoinAnswer(said)
    if (answer === undefined) throw strange(address)
    return { ...answer, authority, addresses, key: keyPem(privateKey), token: id }
  })
}

/** The same membership with the next certificate. @throws NsctlError as `joinWith` does */
export async function renewMembership(membership: Membership, signal: AbortSignal): Promise<Membership> {
  const { authority, key, certificate, addresses } = membership
  const body = { publicKey: keyPem(createPublicKey(createPrivateKey(key))) }
  const said = await firstOf(addresses, (address) =>
    ask({ address, path: '/v1/renew', body, authority, own: { key, cert: certificate }, signal }),
  )
  if (!isObject(said) || typeof said.certificate !== 'string') throw strange(addresses[0] ?? '')
  return { ...membership, certificate: said.certificate }
}

/** When the certificate is to be renewed: after two thirds of its time. Milliseconds since the epoch. */
export function renewAtMs({ certificate }: Pick<Membership, 'certificate'>): number {
  const { validFrom, validTo } = new X509Certificate(certificate)
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)]
  return from + ((to - from) * 2) / 3
}

/** The next one is asked only where nobody was there. */
async function firstOf<T>(addresses: readonly string[], work: (address: string) => Promise<T>): Promise<T> {
  let absent: unknown
  for (const address of addresses) {
    try {
      return await work(address)
    } catch (error) {
      if (!(error instanceof NsctlError) || error.code !== 'Unreachable') throw error
      absent = error
    }
  }
  throw absent
}

/** What the listener shows is believed once it has the fingerprint of the token. */
async function authorityAt(address: string, token: JoinToken, signal: AbortSignal): Promise<string> {
  const said = await ask({ address, path: '/v1/authority', signal })
  const certificate = isObject(said) ? String(said.certificate) : ''
  if (hasFingerprint(certificate, token.fingerprint)) return certificate
  throw new NsctlError(
    'Denied',
    `what answers at ${address} is not the control plane that made the join token`,
    {
      value: address,
      next: 'somebody may be between the two machines: compare where the token leads with nsctl node token list, and make a new one',
    },
  )
}

function hasFingerprint(certificate: string, fingerprint: string): boolean {
  try {
    return fingerprintOf(certificate) === fingerprint
  } catch {
    return false
  }
}

interface Question {
  readonly address: string
  readonly path: string
  readonly body?: object
  /** Whom to believe; anybody where left out, to whom nothing is said. */
  readonly authority?: string
  readonly own?: { readonly key: string; readonly cert: string }
  readonly signal: AbortSignal
}

async function ask({ address, path, body, authority, own, signal }: Question): Promise<unknown> {
  const { hostname, port } = new URL(`https://${address}`)
  const options: RequestOptions = {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port || 443,
    path,
    method: body === undefined ? 'GET' : 'POST',
    agent: false,
    signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]),
    headers: { 'content-type': 'application/json' },
    ...own,
    ...(authority === undefined
      ? { rejectUnauthorized: false }
      : { ca: authority, checkServerIdentity: (_: string, peer: PeerCertificate) => refuseOthers(peer) }),
  }
  const answer = await exchange(options, body).catch((cause: unknown) => {
    signal.throwIfAborted()
    throw unreachable(address, cause)
  })
  if (answer.status === 200) return answer.body
  throw told(answer.body, address)
}

/** Certificates of a day are refused by a clock that is a day off. */
const BY_CLOCK: Readonly<Record<string, string>> = {
  CERT_NOT_YET_VALID: 'its certificate is not valid yet by the clock of this machine',
  CERT_HAS_EXPIRED: 'its certificate has expired by the clock of this machine',
}

function unreachable(address: string, cause: unknown): NsctlError {
  const byClock = BY_CLOCK[(cause as NodeJS.ErrnoException).code ?? '']
  const here = new Date().toISOString().replace(/\.\d+/, '')
  const next =
    byClock === undefined
      ? 'see that a controller listens there: nsctl controller --join-listen ADDRESS:PORT'
      : `compare the clocks of both machines: it is ${here} here`
  const why = byClock ?? messageOf(cause)
  const message = `the join listener at ${address} cannot be reached: ${why}`
  return new NsctlError('Unreachable', message, { value: address, next, cause })
}

/** A node's certificate is of the same authority. By which name the listener is reached does not matter. */
function refuseOthers({ subject }: PeerCertificate): Error | undefined {
  return isControlPlane(subject ?? {}) ? undefined : new Error('its certificate is not the control plane’s')
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

function exchange(options: RequestOptions, body: object | undefined): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const asked = request(options, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
      if (text.length > MAX_ANSWER_BYTES) asked.destroy(new Error('its answer is too long'))
    })
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parsed(text) }))
    response.on('error', reject)
  })
  asked.on('error', reject)
  asked.end(body === undefined ? undefined : JSON.stringify(body))
  return promise
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The listener's own words. */
function told(body: unknown, address: string): NsctlError {
  const { error, code, next } = isObject(body) ? body : {}
  const known = typeof code === 'string' && code in EXIT_CODES ? (code as ErrorCode) : 'Unreachable'
  if (typeof error !== 'string') return strange(address)
  return new NsctlError(known, error, { value: address, ...(typeof next === 'string' ? { next } : {}) })
}

function strange(address: string): NsctlError {
  return new NsctlError('Unreachable', `what answers at ${address} is no join listener of nsctl`, {
    value: address,
  })
}
