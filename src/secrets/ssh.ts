/**
 * Keys of ssh as keys of age, as ssh-to-age does it: an ed25519 key and an X25519 key are two views of one curve. A public key is mapped
 * birationally (RFC 7748, section 4.1: u = (1 + y) / (1 - y)); the secret half is the first half of the seed's SHA-512, clamped
 * (RFC 8032, section 5.1.5).
 */
import { createHash } from 'node:crypto'
import { NsctlError } from '../core/errors.ts'
import { type Identity, identityOfScalar, KEY_BYTES, recipientOf } from './x25519.ts'

const ED25519 = 'ssh-ed25519'
const MAGIC = 'openssh-key-v1\0'
const PRIME = 2n ** 255n - 19n
const USE_ED25519 = 'Give the machine an ed25519 key (ssh-keygen -t ed25519), or use an age identity'

/**
 * The recipient of a public key as it stands in `ssh_host_ed25519_key.pub`, or in a line of authorized_keys or known_hosts.
 * @throws NsctlError Invalid where it is none; Unsupported where it is of another kind than ssh-ed25519
 */
export function recipientOfSshKey(line: string): string {
  const words = line.trim().split(/\s+/)
  const at = words.indexOf(ED25519)
  const blob = words[at + 1]
  if (at >= 0 && blob !== undefined) {
    const reader = new SshReader(Buffer.from(blob, 'base64'))
    if (reader.text() === ED25519) {
      const key = reader.bytes()
      if (key?.length === KEY_BYTES && reader.isAtEnd()) return recipientOf(montgomeryOf(key, line))
    }
    throw malformed(line)
  }
  const other = words.find((word) => /^(ssh-(?!ed25519$)|ecdsa-|sk-)/.test(word))
  if (other === undefined) throw malformed(line)
  throw new NsctlError('Unsupported', `a key of the kind ${other} is no age key`, {
    value: other,
    next: USE_ED25519,
  })
}

/**
 * The identity of an OpenSSH ed25519 private key. It opens what is sealed to its recipient, and what age sealed to the ssh key itself.
 * @param source where it comes from, for errors
 * @throws NsctlError Invalid; Unsupported where it is of another kind or has a passphrase
 */
export async function identityOfSshKey(pem: string, source = 'this key'): Promise<Identity> {
  const match =
    /^-----BEGIN OPENSSH PRIVATE KEY-----\s([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----\s*$/.exec(
      pem.trim(),
    )
  if (match === null) {
    const isOther = /^-----BEGIN (?!OPENSSH )[A-Z ]*PRIVATE KEY-----/.test(pem.trim())
    if (isOther)
      throw new NsctlError('Unsupported', `${source} is a private key of another kind than OpenSSH's`, {
        next: USE_ED25519,
      })
    throw broken(source)
  }
  const reader = new SshReader(Buffer.from(match[1] as string, 'base64'))
  if (!reader.skip(MAGIC)) throw broken(source)
  const cipher = reader.text()
  reader.bytes() // key derivation
  reader.bytes() // its options
  const count = reader.number()
  const publicBlob = reader.bytes()
  const secret = reader.bytes()
  if (cipher !== undefined && cipher !== 'none')
    throw new NsctlError('Unsupported', `${source} is protected by a passphrase`, {
      next: `Use an identity of age instead, or take the passphrase off a copy of it: ssh-keygen -p -N '' -f COPY`,
    })
  if (count !== 1 || publicBlob === undefined || secret === undefined) throw broken(source)
  return identityOfSeed(seedOf(secret, source), publicBlob)
}

function seedOf(secret: Buffer, source: string): Buffer {
  const reader = new SshReader(secret)
  const check = [reader.number(), reader.number()]
  const kind = reader.text()
  if (check[0] === undefined || check[0] !== check[1] || kind === undefined) throw broken(source)
  if (kind !== ED25519)
    throw new NsctlError('Unsupported', `${source} is of the kind ${kind}, and no age key`, {
      next: USE_ED25519,
    })
  const publicKey = reader.bytes()
  const both = reader.bytes()
  if (publicKey === undefined || both?.length !== 2 * KEY_BYTES) throw broken(source)
  if (!both.subarray(KEY_BYTES).equals(publicKey)) throw broken(source)
  return both.subarray(0, KEY_BYTES)
}

function identityOfSeed(seed: Buffer, sshKey: Buffer): Identity {
  const scalar = createHash('sha512').update(seed).digest().subarray(0, KEY_BYTES)
  scalar[0] = (scalar[0] as number) & 248
  scalar[KEY_BYTES - 1] = ((scalar[KEY_BYTES - 1] as number) & 127) | 64
  return identityOfScalar(scalar, sshKey)
}

/** @throws NsctlError Invalid where the bytes are no point of the curve */
function montgomeryOf(key: Buffer, line: string): Uint8Array {
  const y = BigInt(`0x${Buffer.from(key).reverse().toString('hex')}`) & (2n ** 255n - 1n)
  if (y >= PRIME || y === 1n || !isOnCurve(y)) throw malformed(line)
  const u = modulo((1n + y) * inverse(1n - y))
  return Buffer.from(u.toString(16).padStart(2 * KEY_BYTES, '0'), 'hex').reverse()
}

/** Whether x² = (y² - 1) / (d y² + 1) has a root, by Euler's criterion. */
function isOnCurve(y: bigint): boolean {
  const d = modulo(-121665n * inverse(121666n))
  const square = modulo((y * y - 1n) * inverse(d * y * y + 1n))
  return power(square, (PRIME - 1n) / 2n) <= 1n
}

function inverse(value: bigint): bigint {
  return power(modulo(value), PRIME - 2n)
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let factor = base, rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = modulo(result * factor)
    factor = modulo(factor * factor)
  }
  return result
}

function modulo(value: bigint): bigint {
  const rest = value % PRIME
  return rest < 0n ? rest + PRIME : rest
}

function malformed(line: string): NsctlError {
  return new NsctlError('Invalid', 'this is no public key of ssh', {
    // whoever gives the wrong half of a key by mistake does not read it in a log
    ...(line.trim().startsWith(ED25519) ? { value: line.trim().slice(0, 80) } : {}),
    next: 'Give a line like ssh-ed25519 AAAA…, as in /etc/ssh/ssh_host_ed25519_key.pub',
  })
}

function broken(source: string): NsctlError {
  return new NsctlError('Invalid', `${source} is no private key of OpenSSH, or is damaged`)
}

/** RFC 4251, section 5: numbers of 4 bytes, and strings behind their length. What is not there is undefined. */
class SshReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  skip(text: string): boolean {
    const end = this.#at + text.length
    const found = this.#bytes.subarray(this.#at, end).toString('latin1') === text
    this.#at = end
    return found
  }

  number(): number | undefined {
    if (this.#at + 4 > this.#bytes.length) return undefined
    this.#at += 4
    return this.#bytes.readUInt32BE(this.#at - 4)
  }

  bytes(): Buffer | undefined {
    const length = this.number()
    if (length === undefined || this.#at + length > this.#bytes.length) return undefined
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  text(): string | undefined {
    return this.bytes()?.toString('latin1')
  }

  isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }
}
