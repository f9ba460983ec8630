/**
 * Age's own kind of key, and how a file's key is wrapped for one (age-encryption.org/v1, "The X25519 recipient type"; for
 * ssh-ed25519, age's agessh). The arithmetic is OpenSSL's, by node:crypto: there a secret half is a handle, which neither inspect nor
 * JSON shows.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import type { Stanza } from 'age-encryption'
import { decodeBech32, encodeBech32 } from '../core/bech32.ts'
import { NsctlError } from '../core/errors.ts'

export const KEY_BYTES = 32
const FILE_KEY_BYTES = 16
const TAG_BYTES = 16
const CIPHER = 'chacha20-poly1305'
/** A wrapping key is used once. */
const NONCE = new Uint8Array(12)
const INFO = 'age-encryption.org/v1/X25519'
const SSH_INFO = 'age-encryption.org/v1/ssh-ed25519'
/** RFC 8410, up to the key. */
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex')
const SPKI = Buffer.from('302a300506032b656e032100', 'hex')

/** Who can open what was sealed to `recipient`. The secret half shows in no inspect, no JSON and no error. */
export interface Identity {
  /** `age1…`, the public half. */
  readonly recipient: string
  /** A file's key out of the stanzas of its header; null where none of them is for this identity. */
  unwrapFileKey(stanzas: readonly Stanza[]): Uint8Array | null
  /** The secret half, `AGE-SECRET-KEY-1…`. For an identity file and nothing else. */
  reveal(): string
}

/** A new one, of 256 random bits. */
export function generateKey(): Identity {
  return new KeyIdentity(generateKeyPairSync('x25519').privateKey)
}

/** @param sshKey where it is an ssh-ed25519 key in truth: that key as ssh writes it, so that what age sealed to it directly opens as well */
export function identityOfScalar(scalar: Uint8Array, sshKey?: Uint8Array): Identity {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, scalar]), format: 'der', type: 'pkcs8' })
  return new KeyIdentity(key, sshKey)
}

/** `age1…` of the 32 bytes of a public key. */
export function recipientOf(publicKey: Uint8Array): string {
  return encodeBech32('age', publicKey)
}

/** The secret behind `AGE-SECRET-KEY-1…`; undefined where it is none. */
export function scalarOf(text: string): Uint8Array | undefined {
  const bytes = text === text.toUpperCase() ? decodeBech32('age-secret-key-', text) : undefined
  return bytes?.length === KEY_BYTES ? bytes : undefined
}

/**
 * The public key behind `age1…`.
 * @throws NsctlError Invalid; Unsupported where it is of a kind that nsctl cannot seal to
 */
function publicKeyOf(recipient: string): Uint8Array {
  const bytes = recipient === recipient.toLowerCase() ? decodeBech32('age', recipient) : undefined
  if (bytes?.length === KEY_BYTES) return bytes
  if (/^age1(pq|tag|tagpq|[a-z0-9-]{2,})1[a-z0-9]{20,}$/.test(recipient))
    throw new NsctlError('Unsupported', 'this recipient is of a kind that nsctl cannot seal to', {
      value: recipient,
      next: 'Give an X25519 recipient, as age-keygen makes them: age1 and 58 characters',
    })
  throw new NsctlError('Invalid', 'this is no recipient', {
    // whoever gives the secret half by mistake does not read it in a log
    ...(recipient.startsWith('age1') ? { value: recipient } : {}),
    next: 'A recipient is age1 and 58 characters: copy it again, or show it with age-keygen -y FILE',
  })
}

/**
 * The stanza that lets whoever is behind `recipient` come at `fileKey`.
 * @throws NsctlError as {@link publicKeyOf}
 */
export function wrapFileKey(fileKey: Uint8Array, recipient: string): Stanza {
  const publicKey = publicKeyOf(recipient)
  const ephemeral = generateKeyPairSync('x25519')
  const share = rawPublicKey(ephemeral.publicKey)
  const secret = agreeWith(ephemeral.privateKey, publicKey, recipient)
  const cipher = createCipheriv(CIPHER, wrappingKey(secret, share, publicKey, INFO), NONCE, {
    authTagLength: TAG_BYTES,
  })
  const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()])
  return { args: ['X25519', unpadded(share)], body }
}

/** @throws NsctlError where nothing can be sealed to `recipient`, as {@link wrapFileKey} would */
export function checkRecipient(recipient: string): void {
  wrapFileKey(new Uint8Array(FILE_KEY_BYTES), recipient)
}

function agreeWith(privateKey: KeyObject, publicKey: Uint8Array, recipient: string): Buffer {
  try {
    return agree(privateKey, publicKey)
  } catch (cause) {
    throw new NsctlError('Invalid', 'this recipient is the public key of nobody', { value: recipient, cause })
  }
}

class KeyIdentity implements Identity {
  readonly recipient: string
  readonly #key: KeyObject
  readonly #publicKey: Uint8Array
  readonly #ssh: { readonly tag: string; readonly tweak: KeyObject } | undefined

  constructor(key: KeyObject, sshKey?: Uint8Array) {
    this.#key = key
    this.#publicKey = rawPublicKey(createPublicKey(key))
    this.#ssh = sshKey && {
      tag: unpadded(createHash('sha256').update(sshKey).digest().subarray(0, 4)),
      tweak: tweakOf(sshKey),
    }
    this.recipient = recipientOf(this.#publicKey)
    Object.freeze(this)
  }

  unwrapFileKey(stanzas: readonly Stanza[]): Uint8Array | null {
    for (const { args, body } of stanzas) {
      const fileKey = args[0] === 'X25519' ? this.#unwrap(args, body) : this.#unwrapSsh(args, body)
      if (fileKey !== null) return fileKey
    }
    return null
  }

  reveal(): string {
    const { d } = this.#key.export({ format: 'jwk' })
    return encodeBech32('age-secret-key-', Buffer.from(d as string, 'base64url')).toUpperCase()
  }

  #unwrap(args: readonly string[], body: Uint8Array): Uint8Array | null {
    const share = shareOf(args, 1)
    return decryptFileKey(body, wrappingKey(agree(this.#key, share), share, this.#publicKey, INFO))
  }

  #unwrapSsh(args: readonly string[], body: Uint8Array): Uint8Array | null {
    if (this.#ssh === undefined || args[0] !== 'ssh-ed25519' || args[1] !== this.#ssh.tag) return null
    const share = shareOf(args, 2)
    const secret = agree(this.#ssh.tweak, agree(this.#key, share))
    return decryptFileKey(body, wrappingKey(secret, share, this.#publicKey, SSH_INFO))
  }
}

function tweakOf(sshKey: Uint8Array): KeyObject {
  const tweak = Buffer.from(hkdfSync('sha256', new Uint8Array(), sshKey, SSH_INFO, KEY_BYTES))
  return createPrivateKey({ key: Buffer.concat([PKCS8, tweak]), format: 'der', type: 'pkcs8' })
}

/** @throws Error where the point is one of the few that would give away the result */
function agree(privateKey: KeyObject, publicKey: Uint8Array): Buffer {
  const peer = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' })
  return diffieHellman({ privateKey, publicKey: peer })
}

function wrappingKey(secret: Uint8Array, share: Uint8Array, publicKey: Uint8Array, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, Buffer.concat([share, publicKey]), info, KEY_BYTES))
}

function decryptFileKey(body: Uint8Array, key: Uint8Array): Uint8Array | null {
  // a longer one could be opened by several keys into several
  if (body.length !== FILE_KEY_BYTES + TAG_BYTES) throw new Error('a stanza of another length')
  const decipher = createDecipheriv(CIPHER, key, NONCE, { authTagLength: TAG_BYTES })
  decipher.setAuthTag(body.subarray(FILE_KEY_BYTES))
  try {
    const opened = Buffer.concat([decipher.update(body.subarray(0, FILE_KEY_BYTES)), decipher.final()])
    return new Uint8Array(opened)
  } catch {
    return null
  }
}

/** The ephemeral key in argument `index`, the last one; written one way only. */
function shareOf(args: readonly string[], index: number): Buffer {
  const share = Buffer.from(args[index] ?? '', 'base64')
  if (args.length !== index + 1 || share.length !== KEY_BYTES || unpadded(share) !== args[index])
    throw new Error('a malformed stanza')
  return share
}

function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(SPKI.length)
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '')
}
