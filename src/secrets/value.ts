/** One value of a Secret, sealed: bound to its place, so that whoever moves the ciphertext elsewhere has moved nothing. */

import { NsctlError } from '../core/errors.ts'
import { randomIds } from '../core/ids.ts'
import type { SecretSealedValue } from '../resources/generated/types.ts'
import { isValueKey, VALUE_KEY_RULE } from '../resources/value-key.ts'
import { open, seal } from './age.ts'
import type { Identity } from './x25519.ts'

export interface ValuePlace {
  readonly namespace: string
  readonly name: string
  readonly key: string
}

const FORMAT = 'nsctl.dev/secret/v1'
const VERSION = /^[a-z0-9]{10}$/
const VERSION_LENGTH = 10
const NEWLINE = 0x0a

/** Where a key is one that files and variables can be named after. @throws NsctlError Invalid */
export function checkKey(key: string): void {
  if (isValueKey(key)) return
  throw new NsctlError('Invalid', `${JSON.stringify(key)} cannot be a key of a Secret`, {
    value: key,
    next: `Call it otherwise: ${VALUE_KEY_RULE}`,
  })
}

/** A version for a new value: random, so that it says nothing of the value. */
export function newVersion(): string {
  return randomIds.suffix(VERSION_LENGTH)
}

/**
 * Seals `value` for one place.
 * @param version a new random one where left out
 * @throws NsctlError Invalid where the key is malformed, a recipient is, or there is none
 */
export async function sealValue(
  value: Uint8Array,
  place: ValuePlace,
  recipients: readonly string[],
  version = newVersion(),
): Promise<SecretSealedValue> {
  checkKey(place.key)
  if (!VERSION.test(version))
    throw new NsctlError('Invalid', `${version} cannot be the version of a value`, { value: version })
  const head = Buffer.from(`${bindingOf(place, version)}\n`)
  return { version, age: await seal(Buffer.concat([head, value]), recipients) }
}

/**
 * The value. Nothing of it is in an error.
 * @throws NsctlError Failed where no identity fits; Invalid where it is damaged, or belongs to another place or version
 */
export async function openValue(
  sealed: SecretSealedValue,
  place: ValuePlace,
  identities: readonly Identity[],
): Promise<Uint8Array> {
  const what = `the value ${place.key} of Secret ${place.namespace}/${place.name}`
  const opened = await open(sealed.age, identities, what)
  const end = opened.indexOf(NEWLINE)
  const bound = Buffer.from(opened.subarray(0, Math.max(end, 0))).toString('utf8')
  if (bound === bindingOf(place, sealed.version)) return opened.slice(end + 1)
  throw misplaced(what, bound, place, sealed.version)
}

/** The same value for others, at the same version. @throws NsctlError as {@link openValue} and {@link sealValue} */
export async function resealValue(
  sealed: SecretSealedValue,
  place: ValuePlace,
  identities: readonly Identity[],
  recipients: readonly string[],
): Promise<SecretSealedValue> {
  return sealValue(await openValue(sealed, place, identities), place, recipients, sealed.version)
}

/** The line that a sealed value begins with. */
export function bindingOf({ namespace, name, key }: ValuePlace, version: string): string {
  return `${FORMAT} ${namespace}/${name} ${key} ${version}`
}

const NEXT = 'Set the value again: what is stored was not made for this place'

/** What was bound is said only where it is a whole line of ours: else it may be a part of somebody's secret. */
function misplaced(what: string, bound: string, place: ValuePlace, version: string): NsctlError {
  const match =
    /^nsctl\.dev\/secret\/v1 ([-.a-z0-9]{1,253}\/[-.a-z0-9]{1,253}) ([-._a-zA-Z0-9]{1,253}) ([a-z0-9]{10})$/.exec(
      bound,
    )
  if (match === null)
    return new NsctlError('Invalid', `${what} was not sealed by nsctl: it does not say where it belongs`, {
      next: "Set the value again, with nsctl secret or a manifest: a plain age file could be anybody's",
    })
  const [, of, key, sealedVersion] = match
  if (of !== `${place.namespace}/${place.name}` || key !== place.key)
    return new NsctlError('Invalid', `${what} was moved: it is sealed as ${key} of Secret ${of}`, {
      next: NEXT,
    })
  return new NsctlError('Invalid', `${what} is sealed as version ${sealedVersion}, and not as ${version}`, {
    next: NEXT,
  })
}
