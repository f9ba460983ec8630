/** Which values of a Secret are sealed anew, and which stay as they are stored. */
import { MAX_OBJECT_BYTES } from '../../api/admission/limits.ts'
import { isNsctlError } from '../../core/errors.ts'
import type { SecretSealedValue } from '../../resources/generated/types.ts'
import type { Identity } from '../../secrets/identity.ts'
import { checkFits } from '../../secrets/size.ts'
import { openValue, resealValue, sealValue } from '../../secrets/value.ts'

export type SealedValues = Readonly<Record<string, SecretSealedValue>>

export interface SealRequest {
  readonly namespace: string
  readonly name: string
  readonly values: ReadonlyMap<string, Uint8Array>
  /** What there is already, and to whom it is sealed. */
  readonly stored: SealedValues
  readonly storedFor: readonly string[]
  /** Whom to seal to. Asked only where something must be sealed. */
  readonly recipients: () => Promise<readonly string[]>
  readonly identities: readonly Identity[]
  /** Whether a value that is equal to the stored one keeps its version. */
  readonly keepsEqual: boolean
  /** What becomes of stored values that `values` does not name, where the recipients are others now. */
  readonly others: 'reseal' | 'leave'
}

export interface SealResult {
  /** Those of `values`, and of the others those that were sealed anew. */
  readonly sealed: SealedValues
  /** Empty where not all is sealed to the same. */
  readonly recipients: readonly string[]
  /** Keys with a new version. */
  readonly renewed: readonly string[]
  /** Keys whose stored value could not be compared, so that it counts as changed. */
  readonly unopened: readonly string[]
  /** Keys that stay sealed to whom they were. */
  readonly left: readonly string[]
}

/**
 * Seals what is new or changed. Where the recipients are others than before, what stays is sealed to them too, at its version; where
 * something could not be, not all is sealed to the same, and `recipients` is empty: a rekey then knows that there is work left.
 *
 * @throws NsctlError TooLarge for values that no object can hold; what `recipients` throws
 */
export async function sealValues(request: SealRequest): Promise<SealResult> {
  const { namespace, name, values, stored, storedFor, identities } = request
  const kept = new Map<string, SecretSealedValue>()
  const unopened: string[] = []
  const renewed: string[] = []
  for (const [key, value] of values) {
    const entry = Object.hasOwn(stored, key) ? stored[key] : undefined
    const old =
      entry && request.keepsEqual ? await tryOpen(entry, { namespace, name, key }, identities) : undefined
    if (entry && old !== undefined && Buffer.compare(old, value) === 0) kept.set(key, entry)
    else renewed.push(key)
    if (entry && request.keepsEqual && old === undefined) unopened.push(key)
  }
  if (renewed.length === 0)
    return { sealed: Object.fromEntries(kept), recipients: storedFor, renewed, unopened, left: [] }

  const recipients = await request.recipients()
  const lengths = new Map([...values].map(([key, { length }]) => [key, length]))
  checkFits({ namespace, name }, lengths, recipients.length, MAX_OBJECT_BYTES)
  const sealed: Record<string, SecretSealedValue> = {}
  for (const key of renewed)
    sealed[key] = await sealValue(values.get(key)!, { namespace, name, key }, recipients)
  const left: string[] = []
  const others = Object.keys(stored).filter((key) => !values.has(key))
  const isMoved = !isSameSet(recipients, storedFor)
  for (const key of [...kept.keys(), ...others]) {
    const entry = stored[key]!
    const moves = isMoved && (kept.has(key) || request.others === 'reseal')
    const anew = moves ? await tryReseal(entry, { namespace, name, key }, identities, recipients) : undefined
    if (anew !== undefined) sealed[key] = anew
    else {
      if (kept.has(key)) sealed[key] = entry
      if (isMoved) left.push(key)
    }
  }
  return { sealed, recipients: left.length > 0 ? [] : recipients, renewed, unopened, left }
}

export interface Place {
  readonly namespace: string
  readonly name: string
  readonly key: string
}

/** Undefined where it cannot be opened, for whatever reason. */
export async function tryOpen(
  entry: SecretSealedValue,
  place: Place,
  identities: readonly Identity[],
): Promise<Uint8Array | undefined> {
  return identities.length === 0 ? undefined : orUndefined(openValue(entry, place, identities))
}

function tryReseal(
  entry: SecretSealedValue,
  place: Place,
  identities: readonly Identity[],
  recipients: readonly string[],
): Promise<SecretSealedValue | undefined> {
  return orUndefined(resealValue(entry, place, identities, recipients))
}

async function orUndefined<T>(opening: Promise<T>): Promise<T | undefined> {
  try {
    return await opening
  } catch (error) {
    if (isNsctlError(error)) return undefined
    throw error
  }
}

export function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  const [left, right] = [new Set(a), new Set(b)]
  return left.size === right.size && [...left].every((one) => right.has(one))
}
