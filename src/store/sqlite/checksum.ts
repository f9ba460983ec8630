/** A checksum per row, so that a flipped bit on the disk is noticed where the row is read. */

/** FNV's prime. A step is a bijection of the state, so that a change within one word always changes the result. */
const PRIME = 0x01000193
const WORD_BYTES = 4
const FIRST_BYTES = 16 * 1024

/**
 * 32 bits over key, revision and value, as words of UTF-8: going through text character by character takes three times as
 * long. In JavaScript, because loading zlib for its crc32 costs a short command more than this does.
 */
export class Checksums {
  /** Where texts are laid out; grows to the longest. */
  #words = new Int32Array(FIRST_BYTES / WORD_BYTES)
  #bytes = Buffer.from(this.#words.buffer)

  of(key: string, revision: number, value: string): number {
    // a UTF-16 unit is at most three bytes of UTF-8, and either text may end inside of a word
    this.#fit((key.length + value.length) * 3 + 2 * WORD_BYTES)
    const keyBytes = this.#bytes.write(key)
    const start = this.#fillWord(keyBytes)
    const valueBytes = this.#bytes.write(value, start)
    const end = this.#fillWord(start + valueBytes)
    const seed = Math.imul((revision % 0xffffffff) ^ Math.imul(keyBytes, PRIME) ^ valueBytes, PRIME)
    return fold(this.#words, end / WORD_BYTES, seed) >>> 0
  }

  #fit(byteCount: number): void {
    if (byteCount <= this.#bytes.length) return
    this.#words = new Int32Array(2 ** Math.ceil(Math.log2(byteCount)) / WORD_BYTES)
    this.#bytes = Buffer.from(this.#words.buffer)
  }

  /** Zeros up to where a word begins; returns that place. */
  #fillWord(from: number): number {
    let at = from
    while (at % WORD_BYTES !== 0) this.#bytes[at++] = 0
    return at
  }
}

/** Four FNV-1a lanes side by side, because one is bound by the latency of its multiplications. */
function fold(words: Int32Array, count: number, seed: number): number {
  let a = seed ^ 0x811c9dc5
  let b = 0x9e3779b9
  let c = 0x85ebca6b
  let d = 0xc2b2ae35
  let i = 0
  for (const end = count - (count & 3); i < end; i += 4) {
    a = Math.imul(a ^ words[i]!, PRIME)
    b = Math.imul(b ^ words[i + 1]!, PRIME)
    c = Math.imul(c ^ words[i + 2]!, PRIME)
    d = Math.imul(d ^ words[i + 3]!, PRIME)
  }
  for (; i < count; i++) a = Math.imul(a ^ words[i]!, PRIME)
  const mixed = Math.imul(Math.imul(Math.imul(a, 31) ^ b, 31) ^ c, 31) ^ d
  return mixed ^ (mixed >>> 15)
}
