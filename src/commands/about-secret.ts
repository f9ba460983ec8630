import type { ChangeResult } from '../api/api.ts'
import { formatCount } from '../core/words.ts'
import type { SecretSpec } from '../resources/generated/types.ts'

/** `2 keys sealed to 3 recipients`: those with a new value. Empty where none has one. */
export function aboutSecret({ object, before }: Pick<ChangeResult, 'object' | 'before'>): string {
  const { sealed = {}, recipients = [] } = (object.spec ?? {}) as SecretSpec
  const old = ((before?.spec ?? {}) as SecretSpec).sealed ?? {}
  const keys = Object.keys(sealed).filter((key) => sealed[key]?.version !== old[key]?.version)
  if (keys.length === 0) return ''
  const sealedNow = `${formatCount(keys.length, 'key')} sealed`
  // others could not be opened, and are sealed to whom they were
  return recipients.length === 0
    ? sealedNow
    : `${sealedNow} to ${formatCount(recipients.length, 'recipient')}`
}
