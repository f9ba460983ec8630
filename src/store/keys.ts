/** Keys and prefixes in the port's order: by UTF-8 bytes, which is by code points and not how JavaScript compares text. */

/** Negative, zero or positive as `a` stands before, at or after `b`. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left !== right) return rank(left) - rank(right)
  }
  return a.length - b.length
}

/** UTF-16 surrogates stand for code points above U+FFFF, so they go after U+E000 – U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000
}

/** The keys from `from` (included) to `to` (excluded); without `to`, to the end. */
export interface KeyRange {
  readonly from: string
  readonly to: string | undefined
}

/** The ranges of all keys that start with one of `prefixes`: in order, without overlap, so that no key comes twice. */
export function rangesOf(prefixes: readonly string[]): readonly KeyRange[] {
  const kept: string[] = []
  for (const prefix of [...prefixes].sort(compareKeys)) {
    const last = kept.at(-1)
    if (last === undefined || !prefix.startsWith(last)) kept.push(prefix)
  }
  return kept.map((prefix) => ({ from: prefix, to: endOf(prefix) }))
}

/** The first key after all that start with `prefix`; undefined where there is no end. */
function endOf(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!)
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue
    // the code points of surrogates are no text
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
  }
  return undefined
}

/** A test for "starts with one of `prefixes`". */
export function matcherOf(prefixes: readonly string[]): (key: string) => boolean {
  const [only] = prefixes
  if (prefixes.length === 1 && only !== undefined) return (key) => key.startsWith(only)
  return (key) => prefixes.some((prefix) => key.startsWith(prefix))
}
