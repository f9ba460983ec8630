/** Who goes first of equals: by name, seed and what is asked, so that it is not always the same and yet is each time. Pure. */

/** 32 bits of a text (FNV-1a). */
export function tieOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}

/** 32 bits of two numbers, which each bit of both has a part in (the finalizer of MurmurHash3). */
export function mix(a: number, b: number): number {
  let hash = a ^ b
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** By code units, the same in every locale. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
