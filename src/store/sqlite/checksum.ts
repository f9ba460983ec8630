/** A checksum per row, so that a flipped bit on the disk is noticed where the row is read. */

/** FNV's prime. A step is a bijection of the state, so that a change of any one character always changes the result. */
const PRIME = 0x01000193

/**
 * 32 bits over key, revision and value. Four FNV-1a lanes side by side, because one is bound by the latency of its
 * multiplications. In JavaScript, because loading zlib for its crc32 costs a short command more than this does.
 */
export function checksum(key: string, revision: number, value: string): number {
  return fold(value, fold(key, revision % 0xffffffff)) >>> 0
}

function fold(text: string, seed: number): number {
  let [a, b, c, d] = [Math.imul(seed ^ 0x811c9dc5, PRIME), 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35]
  const { length } = text
  let i = 0
  for (const end = length - (length & 3); i < end; i += 4) {
    a = Math.imul(a ^ text.charCodeAt(i), PRIME)
    b = Math.imul(b ^ text.charCodeAt(i + 1), PRIME)
    c = Math.imul(c ^ text.charCodeAt(i + 2), PRIME)
    d = Math.imul(d ^ text.charCodeAt(i + 3), PRIME)
  }
  for (; i < length; i++) a = Math.imul(a ^ text.charCodeAt(i), PRIME)
  const mixed = Math.imul(Math.imul(Math.imul(a, 31) ^ b, 31) ^ c, 31) ^ d ^ length
  return mixed ^ (mixed >>> 15)
}
