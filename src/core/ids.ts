/** Names and ids: random where two must differ, derived where two must agree. */
import { createHash, randomFillSync } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'

/** Lower-case letters and digits without those that are misread (0 1 a e i l o u): safe in names, and spells nothing. */
const ALPHABET = 'bcdfghjkmnpqrstvwxyz23456789'

/** Source of randomness, injected where a test must own it. */
export interface Ids {
  uid(): string
  /** `length` random characters that are safe in a DNS label. */
  suffix(length: number): string
}

/** Randomness drawn at once: for a set of a thousand objects, and little for one. */
const POOL_BYTES = 4096
const UUID_BYTES = 16

/** Ids out of the machine's randomness. */
class RandomIds implements Ids {
  #pool: Buffer | undefined
  #used = 0

  /** A version 4 UUID (RFC 9562). */
  uid(): string {
    if (this.#pool === undefined || this.#used + UUID_BYTES > this.#pool.length) {
      this.#pool = randomBytes(POOL_BYTES)
      this.#used = 0
    }
    const pool = this.#pool
    const at = this.#used
    this.#used += UUID_BYTES
    pool[at + 6] = (pool[at + 6]! & 0x0f) | 0x40
    pool[at + 8] = (pool[at + 8]! & 0x3f) | 0x80
    const hex = pool.toString('hex', at, at + UUID_BYTES)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }

  suffix(length: number): string {
    return spell(randomBytes(length * 2), length)
  }
}

export const randomIds: Ids = new RandomIds()

/**
 * Random bytes from the kernel, straight from its device: loading node:crypto, or what stands behind the global crypto, costs
 * a short command 3 ms and this 0.04. Where there is no such device node:crypto is asked after all.
 */
export function randomBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let device: number | undefined
  try {
    device = openSync('/dev/urandom', 'r')
    let filled = 0
    while (filled < length) {
      const got = readSync(device, bytes, filled, length - filled, null)
      if (got === 0) throw new Error('/dev/urandom ended')
      filled += got
    }
    return bytes
  } catch {
    return randomFillSync(bytes)
  } finally {
    if (device !== undefined) closeSync(device)
  }
}

/** `length` characters derived from `text` (SHA-256): equal text, equal characters. */
export function digest(text: string, length: number): string {
  return spell(createHash('sha256').update(text).digest(), length)
}

/** Two bytes a character, so that at most 16 characters come of one SHA-256 and the modulo bias is below 0.05 %. */
function spell(bytes: Buffer, length: number): string {
  if (length * 2 > bytes.length)
    throw new RangeError(`at most ${bytes.length >> 1} characters, asked for ${length}`)
  let text = ''
  for (let i = 0; i < length; i++) text += ALPHABET[bytes.readUInt16LE(i * 2) % ALPHABET.length]
  return text
}
