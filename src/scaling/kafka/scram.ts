/** SCRAM (RFC 5802, RFC 7677), the client's side, without channel binding. */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

export type ScramHash = 'sha256' | 'sha512'

export interface ScramLogin {
  readonly hash: ScramHash
  readonly username: string
  readonly password: string
  /** Random where left out. */
  readonly nonce?: string
}

/** More of them would be an attack on us. */
const MAX_ITERATIONS = 1_000_000
const BYTES: Readonly<Record<ScramHash, number>> = { sha256: 32, sha512: 64 }

/**
 * Two messages by `send`, each with the server's answer. Rejects where the server does not know the password itself, and with what `send` rejects
 * with.
 */
export async function scramLogin(
  login: ScramLogin,
  send: (message: string) => Promise<string>,
): Promise<void> {
  const { hash, username, password, nonce = randomBytes(18).toString('base64') } = login
  const first = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
  const answer = await send(`n,,${first}`)
  const { r: both = '', s: salt = '', i: count = '' } = fieldsOf(answer)
  const iterations = Number(count)
  if (!both.startsWith(nonce) || both === nonce || !(iterations >= 1 && iterations <= MAX_ITERATIONS))
    throw new Error('its login is not as SCRAM has it')
  const salted = await promisify(pbkdf2)(
    password.normalize('NFKC'),
    Buffer.from(salt, 'base64'),
    iterations,
    BYTES[hash],
    hash,
  )
  const sign = (key: Uint8Array, message: string) => createHmac(hash, key).update(message).digest()
  const clientKey = sign(salted, 'Client Key')
  const final = `c=biws,r=${both}`
  const all = `${first},${answer},${final}`
  const signature = sign(createHash(hash).update(clientKey).digest(), all)
  const proof = clientKey.map((byte, i) => byte ^ (signature[i] as number))
  const { v: verifier = '' } = fieldsOf(await send(`${final},p=${Buffer.from(proof).toString('base64')}`))
  const expected = sign(sign(salted, 'Server Key'), all)
  const said = Buffer.from(verifier, 'base64')
  if (said.length !== expected.length || !timingSafeEqual(said, expected))
    throw new Error('it does not know the password itself')
}

function fieldsOf(message: string): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(message.split(',').map((part) => [part[0] ?? '', part.slice(2)]))
}
