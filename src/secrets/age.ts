/**
 * Sealing and opening age files. The format is age-encryption's, which is loaded at the first use (it costs more than the rest of a
 * command); the keys are ours (x25519.ts).
 */
import type { Stanza } from 'age-encryption'
import { NsctlError } from '../core/errors.ts'
import { type Identity, wrapFileKey } from './x25519.ts'

const ARMOR_BEGIN = '-----BEGIN AGE ENCRYPTED FILE-----'
const ARMOR_END = '-----END AGE ENCRYPTED FILE-----'
const BINARY_BEGIN = 'age-encryption.org/'

/**
 * An armored age file that each of `recipients` can open by itself.
 * @throws NsctlError Invalid where there is no recipient or one is malformed; Unsupported where one is of another kind
 */
export async function seal(plain: Uint8Array, recipients: readonly string[]): Promise<string> {
  const unique = new Set(recipients)
  if (unique.size === 0)
    throw new NsctlError('Invalid', 'there is nobody to seal to', {
      next: 'Add yourself with nsctl secret recipients add',
    })
  const { Encrypter, armor } = await import('age-encryption')
  const encrypter = new Encrypter()
  for (const recipient of unique)
    encrypter.addRecipient({ wrapFileKey: (fileKey: Uint8Array) => [wrapFileKey(fileKey, recipient)] })
  return armor.encode(await readAll(await encrypter.encrypt(streamOf(plain))))
}

/**
 * What an armored age file holds. `what` names it in errors.
 * @throws NsctlError Failed where no identity fits; Invalid where it is no age file, is cut off or was tampered with; Unsupported where a
 *   passphrase opens it
 */
export async function open(
  armored: string,
  identities: readonly Identity[],
  what = 'this age file',
): Promise<Uint8Array> {
  const text = armored.trim()
  if (text === '') throw unreadable(`${what} is empty`)
  if (text.startsWith(BINARY_BEGIN))
    throw unreadable(`${what} is an age file without armor, where text is asked for`)
  if (!text.startsWith(ARMOR_BEGIN)) throw unreadable(`${what} is no age file`)
  if (!text.endsWith(ARMOR_END)) throw unreadable(`${what} is cut off: its last line is missing`)
  const { armor } = await import('age-encryption')
  let binary: Uint8Array
  try {
    binary = armor.decode(text)
  } catch {
    throw unreadable(`${what} is damaged: lines of it are missing or changed`)
  }
  return openBinary(binary, identities, what)
}

/** As {@link open}, of an age file with or without armor. */
export function openFile(
  bytes: Uint8Array,
  identities: readonly Identity[],
  what = 'this age file',
): Promise<Uint8Array> {
  const start = Buffer.from(bytes.subarray(0, BINARY_BEGIN.length)).toString('latin1')
  return start === BINARY_BEGIN
    ? openBinary(bytes, identities, what)
    : open(Buffer.from(bytes).toString('latin1'), identities, what)
}

async function openBinary(
  bytes: Uint8Array,
  identities: readonly Identity[],
  what: string,
): Promise<Uint8Array> {
  if (identities.length === 0)
    throw new NsctlError('Failed', `${what} cannot be opened: there is no identity`, {
      next: 'Name the file of an identity with NSCTL_IDENTITY',
    })
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  let ours = false
  decrypter.addIdentity({
    unwrapFileKey(stanzas: readonly Stanza[]) {
      const fileKey = unwrap(stanzas, identities, what)
      ours = true
      return fileKey
    },
  })
  try {
    return await readAll(await decrypter.decrypt(streamOf(bytes)))
  } catch (error) {
    if (error instanceof NsctlError) throw error
    // the library's words are about bytes, and its errors may hold some
    if (ours) throw unreadable(`${what} is cut off or was tampered with: what it holds does not fit its key`)
    throw unreadable(`${what} is damaged: its header cannot be read`)
  }
}

function unwrap(stanzas: readonly Stanza[], identities: readonly Identity[], what: string): Uint8Array {
  for (const identity of identities) {
    const fileKey = identity.unwrapFileKey(stanzas)
    if (fileKey !== null) return fileKey
  }
  if (stanzas.some(({ args }) => args[0] === 'scrypt'))
    throw new NsctlError('Unsupported', `${what} is protected by a passphrase`, {
      next: 'Open it with age -d, and seal what it holds to recipients',
    })
  const atHand = identities.length === 1 ? 'the identity' : `any of the ${identities.length} identities`
  throw new NsctlError('Failed', `${what} is not sealed to ${atHand} at hand`, {
    next: 'Name an identity that it is sealed to with NSCTL_IDENTITY, or have somebody who can open it seal it to you: nsctl secret rekey',
  })
}

function unreadable(message: string): NsctlError {
  return new NsctlError('Invalid', message, {
    next: 'Get it anew from where it comes from, or set the value again',
  })
}

/** By hand: `Response`, which the library reads with, costs 30 ms at its first use. */
async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  const reader = stream.getReader()
  for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value)
  return new Uint8Array(Buffer.concat(chunks))
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes)
      controller.close()
    },
  })
}
