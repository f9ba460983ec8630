/** Who may push: a token, or a signature, as GitHub makes it of the body or with the time at which it was sent. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { WebhookAnswer, WebhookRequest } from '../../source.ts'

export interface Credentials {
  readonly token: string | undefined
  readonly hmacSecret: string | undefined
  readonly scheme: Scheme
  /** How far a time that is signed may be off. */
  readonly toleranceMs: number
}

/**
 * What is signed: the body; the time in a header, a dot and the body; or what https://www.standardwebhooks.com says, which is an id, a time and the
 * body with dots between.
 */
export type Scheme =
  | { readonly kind: 'body' }
  | { readonly kind: 'timed'; readonly header: string }
  | { readonly kind: 'standard' }

export type Proof =
  | { readonly kind: 'refused'; readonly answer: WebhookAnswer }
  | {
      readonly kind: 'accepted'
      /** The same where the same is sent again, and nobody else can make another of it. Absent where nothing was signed. */
      readonly delivery?: string
      /** It is refused once it is too old: only until then must it be known again. */
      readonly isTimed: boolean
    }

const REFUSED: Proof = { kind: 'refused', answer: { status: 401, body: 'not allowed' } }
const UNTIMELY: Proof = {
  kind: 'refused',
  answer: { status: 401, body: 'the time that was signed is too far from the time here' },
}

/** @param wallMs the time that a signed one is compared with */
export function proofOf(credentials: Credentials, request: WebhookRequest, wallMs: number): Proof {
  const { token, hmacSecret } = credentials
  const { headers } = request
  if (token === undefined && hmacSecret === undefined) {
    // a page in a browser on this machine reaches loopback, too
    const isPage = headers.origin !== undefined || headers['sec-fetch-site'] !== undefined
    return isPage
      ? { kind: 'refused', answer: { status: 403, body: 'not allowed' } }
      : { kind: 'accepted', isTimed: false }
  }
  const given = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? headers['x-gitlab-token']
  if (token !== undefined && given !== undefined && isSame(given, token))
    return { kind: 'accepted', isTimed: false }
  return hmacSecret === undefined ? REFUSED : signedProof(credentials, hmacSecret, request, wallMs)
}

function signedProof(
  { scheme, toleranceMs }: Credentials,
  secret: string,
  request: WebhookRequest,
  wallMs: number,
): Proof {
  const signed = scheme.kind === 'standard' ? standard(secret, request) : plain(scheme, secret, request)
  if (signed === undefined) return REFUSED
  const { delivery, time } = signed
  if (time === undefined) return { kind: 'accepted', delivery, isTimed: false }
  if (Math.abs(wallMs - Number(time) * 1000) > toleranceMs) return UNTIMELY
  return { kind: 'accepted', delivery, isTimed: true }
}

interface Signed {
  readonly delivery: string
  /** Unix seconds. */
  readonly time?: string
}

const SECONDS = /^\d{1,12}$/

/** Undefined where the signature is not of this. */
function plain(
  scheme: Exclude<Scheme, { kind: 'standard' }>,
  secret: string,
  { headers, body }: WebhookRequest,
): Signed | undefined {
  const mac = createHmac('sha256', secret)
  const time = scheme.kind === 'timed' ? headers[scheme.header] : undefined
  if (scheme.kind === 'timed') {
    if (time === undefined || !SECONDS.test(time)) return undefined
    mac.update(`${time}.`)
  }
  const delivery = mac.update(body).digest('hex')
  if (!isSame(headers['x-hub-signature-256'] ?? '', `sha256=${delivery}`)) return undefined
  return { delivery, ...(time !== undefined && { time }) }
}

const PREFIX = 'whsec_'

/** Of several signatures, which are of several secrets, one will do. What is sent again has another time and the same id. */
function standard(secret: string, { headers, body }: WebhookRequest): Signed | undefined {
  const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signatures } = headers
  if (!id || time === undefined || !SECONDS.test(time) || signatures === undefined) return undefined
  const key = secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : secret
  const wanted = createHmac('sha256', key).update(`${id}.${time}.`).update(body).digest('base64')
  if (!signatures.split(' ').some((one) => isSame(one, `v1,${wanted}`))) return undefined
  return { delivery: createHash('sha256').update(id).digest('hex'), time }
}

/** In a time that says nothing about how much of it is right. */
function isSame(given: string, wanted: string): boolean {
  const [a, b] = [given, wanted].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer]
  return timingSafeEqual(a, b)
}
