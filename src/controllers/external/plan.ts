/** What must be sealed of what was fetched, so that equal values stay the same values. Pure. */
import type { SecretExternal } from '../../resources/generated/types.ts'
import { SECRET_KEY } from '../../resources/secret/external-rules.ts'
import { ExternalError } from '../../secrets/external.ts'

export type Values = ReadonlyMap<string, Uint8Array>

export interface FetchedPlan {
  /** As they are stored. */
  readonly keep: readonly string[]
  /** The same values for others: their versions stay. */
  readonly reseal: readonly string[]
  /** New values, with new versions. */
  readonly seal: readonly string[]
  /** Stored, and not there any more. */
  readonly drop: readonly string[]
}

export interface FetchedInput {
  readonly fetched: Values
  /** Keys that are stored. */
  readonly stored: readonly string[]
  /** Those of them that could be opened. Of one that could not nobody can say that it is still the same. */
  readonly opened: Values
  /** What is stored is sealed to those it should be sealed to. */
  readonly sameRecipients: boolean
}

/** Each key of what was fetched and of what is stored is in exactly one of the lists, in order. */
export function planFetched({ fetched, stored, opened, sameRecipients }: FetchedInput): FetchedPlan {
  const keys = [...fetched.keys()].sort()
  const there = new Set(stored)
  const isSame = (key: string) => {
    const before = there.has(key) ? opened.get(key) : undefined
    return before !== undefined && Buffer.compare(before, fetched.get(key) as Uint8Array) === 0
  }
  const same = keys.filter(isSame)
  return {
    keep: sameRecipients ? same : [],
    reseal: sameRecipients ? [] : same,
    seal: keys.filter((key) => !isSame(key)),
    drop: stored.filter((key) => !fetched.has(key)).sort(),
  }
}

/**
 * The values that are asked for, under the names that they have here.
 *
 * @throws ExternalError where one is not there, or has a name that no file can have
 */
export function selectItems(all: Values, items: SecretExternal['items']): Values {
  if (items === undefined) {
    const odd = [...all.keys()].find((key) => !SECRET_KEY.test(key))
    if (odd === undefined) return all
    throw new ExternalError('Unusable', `its key ${JSON.stringify(odd)} cannot be a key of a Secret`, {
      next: 'name what is needed in spec.external.items, each with a key of letters, digits, -, _ and .',
    })
  }
  return new Map(
    items.map(({ from, key = from }) => {
      const value = all.get(from)
      if (value !== undefined) return [key, value]
      throw new ExternalError('Missing', `it has no key ${JSON.stringify(from)}`, {
        next: 'correct spec.external.items, or add the key there',
      })
    }),
  )
}
