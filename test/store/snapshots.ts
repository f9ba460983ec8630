/** What a store may hold, made up. */
import fc from 'fast-check'
import { compareKeys } from '../../src/store/keys.ts'
import { isCopied, type Snapshot } from '../../src/store/snapshot.ts'

const text = (constraints: fc.StringConstraints) => fc.string({ unit: 'binary', ...constraints })

/** Any keys and values of Unicode text, in order of keys; several share a revision, as what is written together does. */
export function anySnapshot(): fc.Arbitrary<Snapshot> {
  const members = {
    key: fc
      .array(text({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 })
      .map((steps) => steps.join('/').replaceAll('\0', ''))
      .filter((key) => key !== '' && isCopied(key)),
    revision: fc.integer({ min: 1, max: 20 }),
    value: text({ maxLength: 40 }).map((value) => value.replaceAll('\0', '')),
  }
  const entry = fc.record(members, { noNullPrototype: true })
  return fc
    .uniqueArray(entry, { selector: ({ key }) => key, maxLength: 30 })
    .map((entries) => ({ revision: 21, entries: entries.toSorted((a, b) => compareKeys(a.key, b.key)) }))
}
