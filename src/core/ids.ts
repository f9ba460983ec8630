/** Names and ids: random where two must differ, derived where two must agree. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'

/** Lower-case letters and digits without those that are misread (0 1 a e i l o u): safe in names, and spells nothing. */
const ALPHABET = 'bcdfghjkmnpqrstvwxyz23456789'

/** Source of randomness, injected where a test must own it. */
export interface Ids {
  uid(): string
  /** `length` random characters that are safe in a DNS label. */
  suffix(length: number): string
}

export const randomIds: Ids = {
  uid: () => randomUUID(),
  suffix: (length) => spell(randomBytes(length * 2), length),
}

/** `length` characters derived from `text` (SHA-256): equal text, equal characters. */
export function digest(text: string, length: number): string {
  return spell(createHash('sha256').update(text).digest(), length)
}

/** `length` characters of random `bytes`: two bytes a character, so that at most 16 come of one SHA-256 and the modulo bias is below 0.05 %. */
export function spell(bytes: Buffer, length: number): string {
  if (length * 2 > bytes.length)
    throw new RangeError(`at most ${bytes.length >> 1} characters, asked for ${length}`)
  let text = ''
  for (let i = 0; i < length; i++) text += ALPHABET[bytes.readUInt16LE(i * 2) % ALPHABET.length]
  return text
}
