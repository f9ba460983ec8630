/** Stored Secrets: opened, given new values, sealed to others. */
import { MAX_OBJECT_BYTES } from '../../api/admission/limits.ts'
import type { Actor, ChangeResult } from '../../api/api.ts'
import { isNsctlError, NsctlError } from '../../core/errors.ts'
import type { Secret, SecretSpec } from '../../resources/generated/types.ts'
import { type AnyResource, type ObjectRef, refText } from '../../resources/object.ts'
import type { Identity } from '../../secrets/identity.ts'
import { checkFits } from '../../secrets/size.ts'
import { openValue, sealValue } from '../../secrets/value.ts'
import type { Client } from '../client.ts'
import { isSameSet, type SealedValues, sealValues } from './seal.ts'
import type { Sealer } from './sealer.ts'

const TRIES = 5

export interface SecretRef extends ObjectRef {
  readonly namespace: string
}

/** A Secret's ciphertexts: what was sealed, or what was fetched last of values that are kept elsewhere. */
export function ciphertextsOf(secret: Secret): SealedValues {
  return (secret.spec.external === undefined ? secret.spec.sealed : secret.status?.fetched) ?? {}
}

/** @throws NsctlError NotFound */
export async function mustGetSecret(client: Pick<Client, 'get'>, ref: SecretRef): Promise<Secret> {
  const secret = await client.get<Secret>(ref)
  if (secret !== undefined) return secret
  throw new NsctlError('NotFound', `${refText(ref)} not found in namespace ${ref.namespace}`, {
    value: ref.name,
    next: 'nsctl get secret -A lists what there is',
  })
}

/**
 * The values of `keys`, all where left out.
 *
 * @throws NsctlError NotFound for a key that is not there; what `openValue` throws
 */
export async function openSecret(
  secret: Secret,
  identities: readonly Identity[],
  keys?: readonly string[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const sealed = ciphertextsOf(secret)
  const { name, namespace = '' } = secret.metadata
  const opened = new Map<string, Uint8Array>()
  for (const key of keys ?? Object.keys(sealed)) {
    if (!Object.hasOwn(sealed, key)) throw noSuchKey(secret, key)
    if (identities.length === 0)
      throw new NsctlError(
        'Failed',
        `there is no identity to open ${refText({ kind: 'Secret', name })} with`,
        {
          next: 'bring it back with nsctl secret identity import FILE, or name one: --identity FILE',
        },
      )
    opened.set(key, await openValue(sealed[key]!, { namespace, name, key }, identities))
  }
  return opened
}

/** NotFound, with the keys that there are. */
export function noSuchKey(secret: Secret, key: string): NsctlError {
  const keys = Object.keys(ciphertextsOf(secret)).sort()
  const name = refText({ kind: 'Secret', name: secret.metadata.name })
  return new NsctlError('NotFound', `${name} has no key ${JSON.stringify(key)}`, {
    value: key,
    next: keys.length === 0 ? 'it has none at all' : `it has ${keys.join(', ')}`,
  })
}

export interface ValueChanges {
  readonly values: ReadonlyMap<string, Uint8Array>
  /** Keys that go. */
  readonly gone?: readonly string[]
  /** A value that is equal to the stored one keeps its version. */
  readonly keepsEqual: boolean
  /** Checks the Secret that is about to be changed. */
  readonly check?: (secret: Secret) => void
}

export interface StoredOptions {
  readonly actor: Actor
  readonly dryRun: boolean
  readonly verb: 'rotated' | 'rekeyed' | 'edited'
}

/** Seals new values into a Secret; what else it has is sealed to the present recipients too. Made again where others were faster. */
export function changeValues(
  client: Client,
  sealer: Sealer,
  ref: SecretRef,
  changes: ValueChanges,
  options: StoredOptions,
): Promise<ChangeResult> {
  const { values, gone = [], keepsEqual } = changes
  return changeSpec(client, ref, options, async (secret) => {
    changes.check?.(secret)
    refuseExternal(secret)
    const { spec } = secret
    const kept = Object.fromEntries(Object.entries(spec.sealed ?? {}).filter(([key]) => !gone.includes(key)))
    const { sealed, recipients, renewed, left } = await sealValues({
      namespace: ref.namespace,
      name: ref.name,
      values,
      stored: kept,
      storedFor: spec.recipients ?? [],
      recipients: () => sealer.recipients(),
      identities: await sealer.identities(),
      keepsEqual,
      others: 'reseal',
    })
    if (left.length > 0)
      sealer.note(
        `${refText(ref)}: ${left.join(', ')} cannot be opened with your identity and keeps the recipients of before: nsctl secret rekey ${ref.name}, by who can`,
      )
    return { ...spec, sealed: { ...kept, ...sealed }, ...(renewed.length === 0 ? {} : { recipients }) }
  })
}

/**
 * Seals the same values, at the same versions, to the present recipients, in one commit; without `force` nothing where it says that it
 * is sealed to those already.
 *
 * @throws NsctlError what opening one of its values throws, and TooLarge where it does not fit, sealed to more than before: then the Secret stays as it is
 */
export function rekeySecret(
  client: Client,
  sealer: Sealer,
  ref: SecretRef,
  { force, ...options }: Omit<StoredOptions, 'verb'> & { readonly force: boolean },
): Promise<ChangeResult> {
  return changeSpec(client, ref, { ...options, verb: 'rekeyed' }, async ({ spec }) => {
    const entries = Object.entries(spec.sealed ?? {})
    if (spec.external !== undefined || entries.length === 0) return spec
    const recipients = await sealer.recipients()
    if (!force && isSameSet(recipients, spec.recipients ?? [])) return spec
    const identities = await sealer.identities()
    const { namespace, name } = ref
    const opened = new Map<string, Uint8Array>()
    for (const [key, entry] of entries)
      opened.set(key, await openValue(entry, { namespace, name, key }, identities))
    const lengths = new Map([...opened].map(([key, { length }]) => [key, length]))
    checkFits({ namespace, name }, lengths, recipients.length, MAX_OBJECT_BYTES)
    const sealed: Record<string, SealedValues[string]> = {}
    for (const [key, { version }] of entries)
      sealed[key] = await sealValue(opened.get(key)!, { namespace, name, key }, recipients, version)
    return { ...spec, sealed, recipients }
  })
}

async function changeSpec(
  client: Client,
  ref: SecretRef,
  options: StoredOptions,
  change: (secret: Secret) => Promise<SecretSpec>,
): Promise<ChangeResult> {
  for (let triesLeft = TRIES; ; triesLeft--) {
    const secret = await mustGetSecret(client, ref)
    const object = { ...secret, spec: await change(secret) } as unknown as AnyResource
    try {
      // under the version that was looked at
      return await client.replace(object, { ...options, namespace: ref.namespace })
    } catch (error) {
      if (!isNsctlError(error, 'Conflict') || triesLeft <= 1) throw error
    }
  }
}

function refuseExternal({ metadata: { name }, spec }: Secret): void {
  if (spec.external === undefined) return
  throw new NsctlError(
    'Unsupported',
    `the values of ${refText({ kind: 'Secret', name })} are kept elsewhere`,
    {
      value: name,
      next: 'change them there: the control plane fetches what is new',
    },
  )
}
