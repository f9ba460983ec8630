/** From bytes to text: UTF-8 and nothing else, of a size that is read in one go. */
import { NsctlError } from '../../core/errors.ts'
import { formatBytes } from '../../core/quantity.ts'
import { DocumentFault } from './fault.ts'

/** Of one file, stream or URL. A single object may have 124 KiB, so that this is room for thousands. */
export const MAX_SOURCE_BYTES = 8 * 2 ** 20

/**
 * The control characters of ASCII but tab, line feed and carriage return. DEL and those beyond ASCII may stand in JSON as
 * they are, and what we print must be taken back.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for, and a property class with exceptions is six times slower
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f]/

/** Throws TooLarge, or a DocumentFault where the bytes are no text. */
export function decode(input: string | Uint8Array, source: string): string {
  const size = input.length
  if (size > MAX_SOURCE_BYTES)
    throw new NsctlError(
      'TooLarge',
      `${source}: ${formatBytes(size)} of manifests, and one file may have at most ${formatBytes(MAX_SOURCE_BYTES)}`,
      { value: size, next: 'split it into several files and apply their folder' },
    )
  const text = typeof input === 'string' ? input : decodeBytes(input)
  const plain = text.startsWith('\ufeff') ? text.slice(1) : text
  const control = CONTROL.exec(plain)
  if (control === null) return plain
  const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
  throw new TextFault(`control character U+${code}`, control.index, plain)
}

/** A fault in a text that only the decoder knows yet. */
export class TextFault extends DocumentFault {
  readonly text: string

  constructor(message: string, at: number, text: string, hint?: string) {
    super(message, { start: at }, hint)
    this.text = text
  }
}

function decodeBytes(bytes: Uint8Array): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    throw new TextFault('this is UTF-16; manifests are UTF-8', 0, '', 'save it as UTF-8')
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    const lenient = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
    const at = firstDifference(bytes, new TextEncoder().encode(lenient))
    const before = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, at))
    const byte = bytes[at]!.toString(16).toUpperCase().padStart(2, '0')
    throw new TextFault(`byte 0x${byte} is not UTF-8`, before.length, lenient, 'save it as UTF-8')
  }
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  let at = 0
  while (at < a.length - 1 && a[at] === b[at]) at++
  return at
}
