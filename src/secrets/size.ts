/** How large values become by sealing, so that what fits no object is refused before any work is done. */
import { NsctlError } from '../core/errors.ts'
import { formatBytes } from '../core/quantity.ts'
import { bindingOf } from './value.ts'

/** Of age-encryption.org/v1: what each part of a file has. */
const VERSION_LINE_BYTES = 22
const STANZA_BYTES = 98
const MAC_LINE_BYTES = 48
const NONCE_BYTES = 16
const CHUNK_BYTES = 64 * 1024
const TAG_BYTES = 16
const ARMOR_COLUMN_BYTES = 48
const ARMOR_FENCES = 2
const ARMOR_FENCE_CHARACTERS = 66
/** `"":{"version":"","age":""},` and a version. */
const ENTRY_CHARACTERS = 37
/** `"age1…",` */
const RECIPIENT_CHARACTERS = 65
/** Left for metadata, and for what nsctl adds to it. */
const REST_BYTES = 2048

const VERSION = '0123456789'
const MANY_KEYS =
  'Use several Secrets, keep small values together as one file under one key, or seal to fewer: nsctl secret recipients'

/** The length of the armored age file that `plainBytes` are sealed into. */
export function armoredBytes(plainBytes: number, recipientCount: number): number {
  return charactersOf(plainBytes, recipientCount, 1)
}

/**
 * Refuses values that do not fit into one Secret.
 * @param lengths of values in bytes, by key
 * @param limitBytes what an object may have
 * @throws NsctlError TooLarge, which names the key with the largest value, or that there are too many keys, and no length of a value
 */
export function checkFits(
  place: { readonly namespace: string; readonly name: string },
  lengths: ReadonlyMap<string, number>,
  recipientCount: number,
  limitBytes: number,
): void {
  // a line's end is two characters of JSON
  const sealedBytes = (key: string, length: number) =>
    ENTRY_CHARACTERS +
    key.length +
    charactersOf(bindingOf({ ...place, key }, VERSION).length + 1 + length, recipientCount, 2)
  let bytes = REST_BYTES + recipientCount * RECIPIENT_CHARACTERS
  let emptyBytes = bytes
  for (const [key, length] of lengths) {
    bytes += sealedBytes(key, length)
    emptyBytes += sealedBytes(key, 0)
  }
  if (bytes <= limitBytes) return
  if (emptyBytes > limitBytes / 2)
    throw new NsctlError(
      'TooLarge',
      `Secret ${place.namespace}/${place.name} does not fit: an object may have ${formatBytes(limitBytes)}B, and ${lengths.size} keys, each sealed to ${recipientCount} recipients, take ${formatBytes(Math.round(emptyBytes / 1024) * 1024)}B before there is anything in them`,
      { value: lengths.size, next: MANY_KEYS },
    )
  const [largest] = [...lengths].reduce((a, b) => (b[1] > a[1] ? b : a))
  const limit = `${formatBytes(limitBytes)}B`
  throw new NsctlError(
    'TooLarge',
    `Secret ${place.namespace}/${place.name} does not fit: sealed and with all it holds an object may have ${limit}, and the value of ${largest} is its largest`,
    {
      value: largest,
      next: `Values of one Secret may have about ${formatBytes(roomBytes(limitBytes))}B together. Use several Secrets, or keep large data sealed in a file and its key in a Secret`,
    },
  )
}

/** What one value may have, sealed to a few, rounded down to whole KiB. */
function roomBytes(limitBytes: number): number {
  const few = 4
  const lines = (limitBytes - REST_BYTES - charactersOf(0, few, 2)) / ((ARMOR_COLUMN_BYTES / 3) * 4 + 2)
  return Math.floor((lines * ARMOR_COLUMN_BYTES) / 1024) * 1024
}

function charactersOf(plainBytes: number, recipientCount: number, lineEndCharacters: number): number {
  const chunks = Math.max(1, Math.ceil(plainBytes / CHUNK_BYTES))
  const bytes =
    VERSION_LINE_BYTES +
    recipientCount * STANZA_BYTES +
    MAC_LINE_BYTES +
    NONCE_BYTES +
    plainBytes +
    chunks * TAG_BYTES
  const lines = Math.ceil(bytes / ARMOR_COLUMN_BYTES) + ARMOR_FENCES
  return ARMOR_FENCE_CHARACTERS + Math.ceil(bytes / 3) * 4 + lines * lineEndCharacters
}
