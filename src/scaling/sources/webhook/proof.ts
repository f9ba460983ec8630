/** Who may push: a token, or a signature of the body as GitHub makes it. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { WebhookRequest } from '../../source.ts'

export interface Credentials {
  readonly token: string | undefined
  readonly hmacSecret: string | undefined
}

/** Undefined where it may; otherwise the status to answer with. */
export function refusalOf(
  { token, hmacSecret }: Credentials,
  request: WebhookRequest,
): 401 | 403 | undefined {
  const { headers, body } = request
  if (token === undefined && hmacSecret === undefined)
    // a page in a browser on this machine reaches loopback, too
    return headers.origin === undefined && headers['sec-fetch-site'] === undefined ? undefined : 403
  const given = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? headers['x-gitlab-token']
  if (token !== undefined && given !== undefined && isSame(given, token)) return undefined
  const signature = headers['x-hub-signature-256']
  if (hmacSecret !== undefined && signature !== undefined) {
    const wanted = `sha256=${createHmac('sha256', hmacSecret).update(body).digest('hex')}`
    if (isSame(signature, wanted)) return undefined
  }
  return 401
}

/** In a time that says nothing about how much of it is right. */
function isSame(given: string, wanted: string): boolean {
  const [a, b] = [given, wanted].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer]
  return timingSafeEqual(a, b)
}
