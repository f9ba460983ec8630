/** What the schema cannot say of a Recipient. One that nothing can be sealed to would keep everybody from sealing to the others. */
import { decodeBech32 } from '../../core/bech32.ts'
import type { Recipient } from '../generated/types.ts'
import type { FieldIssue } from '../kinds.ts'

const KEY_BYTES = 32

/** For objects that the schema has found sound. Pure. */
export function recipientConstraints(object: unknown): readonly FieldIssue[] {
  const { key } = (object as Recipient).spec
  const bytes = decodeBech32('age', key)
  if (bytes?.length === KEY_BYTES) return []
  const message = /^age1(?:pq|tag|tagpq|[a-z0-9]+)1/.test(key)
    ? 'is of a kind that nsctl cannot seal to: give an X25519 recipient, as age-keygen makes them'
    : 'is no recipient: it is mistyped or not whole; age-keygen -y FILE shows it'
  return [{ path: ['spec', 'key'], message, value: key }]
}
