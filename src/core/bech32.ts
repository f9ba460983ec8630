/** Bech32 (BIP 173) without its limit of 90 characters: how age writes keys down. */

const CHARSET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3] as const
const CHECKSUM_LENGTH = 6

/** `bytes` behind `prefix`, in lower case. */
export function encodeBech32(prefix: string, bytes: Uint8Array): string {
  const words = regroup(bytes, 8, 5, true) as number[]
  const checked = polymod([...expand(prefix), ...words, ...new Array<number>(CHECKSUM_LENGTH).fill(0)]) ^ 1
  for (let i = 0; i < CHECKSUM_LENGTH; i++) words.push((checked >> (5 * (CHECKSUM_LENGTH - 1 - i))) & 31)
  return `${prefix}1${words.map((word) => CHARSET[word]).join('')}`
}

/** The bytes behind `prefix`; undefined where `text` is no Bech32 of that prefix: mixed case and a wrong checksum included. */
export function decodeBech32(prefix: string, text: string): Uint8Array | undefined {
  const lower = text.toLowerCase()
  if (lower !== text && text.toUpperCase() !== text) return undefined
  if (!lower.startsWith(`${prefix}1`)) return undefined
  const words = [...lower.slice(prefix.length + 1)].map((character) => CHARSET.indexOf(character))
  if (words.length < CHECKSUM_LENGTH || words.includes(-1)) return undefined
  if (polymod([...expand(prefix), ...words]) !== 1) return undefined
  const bytes = regroup(words.slice(0, -CHECKSUM_LENGTH), 5, 8, false)
  return bytes === undefined ? undefined : Uint8Array.from(bytes)
}

function expand(prefix: string): readonly number[] {
  const codes = [...prefix].map((character) => character.charCodeAt(0))
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)]
}

function polymod(words: readonly number[]): number {
  let checksum = 1
  for (const word of words) {
    const top = checksum >> 25
    checksum = ((checksum & 0x1ffffff) << 5) ^ word
    for (const [bit, value] of GENERATOR.entries()) if ((top >> bit) & 1) checksum ^= value
  }
  return checksum
}

/** The same bits in groups of another size; undefined where what is left over is not padding. */
function regroup(groups: Iterable<number>, from: number, to: number, pad: boolean): number[] | undefined {
  const out: number[] = []
  let bits = 0
  let length = 0
  for (const group of groups) {
    bits = ((bits << from) | group) & 0xfff
    length += from
    while (length >= to) {
      length -= to
      out.push((bits >> length) & ((1 << to) - 1))
    }
  }
  const rest = bits & ((1 << length) - 1)
  if (pad) {
    if (length > 0) out.push(rest << (to - length))
    return out
  }
  return length < from && rest === 0 ? out : undefined
}
