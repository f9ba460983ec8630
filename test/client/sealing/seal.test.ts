import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isSameSet, type SealedValues, sealValues } from '../../../src/client/sealing/seal.ts'
import { newIdentity } from '../../../src/secrets/identity.ts'
import { openValue } from '../../../src/secrets/value.ts'

const test = suite('sealValues')

const people = await Promise.all([newIdentity(), newIdentity(), newIdentity()])
const keys = ['a', 'b', 'c']
const place = { namespace: 'default', name: 'db' }

const some = <T>(from: readonly T[], minLength = 0) => fc.subarray([...from], { minLength })
/** Somebody seals some values to some people, and can open what some are recipients of. */
const step = fc.record({
  who: some(people),
  to: some(people, 1),
  values: fc.dictionary(fc.constantFrom(...keys), fc.constantFrom('x', 'y'), { noNullPrototype: true }),
  keepsEqual: fc.boolean(),
  others: fc.constantFrom('reseal' as const, 'leave' as const),
})

async function read(
  sealed: SealedValues,
  key: string,
  by: (typeof people)[number],
): Promise<string | undefined> {
  const value = await openValue(sealed[key]!, { ...place, key }, [by]).catch(() => undefined)
  return value && Buffer.from(value).toString()
}

test('whatever is done in whatever order: values are right, and the list of recipients claims nothing that is not so', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
      let stored: SealedValues = {}
      let storedFor: readonly string[] = []
      let wanted: Record<string, string> = {}
      for (const { who, to, values, keepsEqual, others } of steps) {
        const before = stored
        const result = await sealValues({
          ...place,
          values: new Map(Object.entries(values).map(([key, value]) => [key, Buffer.from(value)])),
          stored,
          storedFor,
          recipients: async () => to.map(({ recipient }) => recipient),
          identities: who,
          keepsEqual,
          others,
        })
        stored = { ...stored, ...result.sealed }
        storedFor = result.recipients
        wanted = { ...wanted, ...values }
        for (const key of Object.keys(before))
          if (!result.renewed.includes(key))
            assert.is(stored[key]!.version, before[key]!.version, 'only what is renewed has a new version')
        for (const key of Object.keys(stored))
          for (const person of people) {
            const text = await read(stored, key, person)
            if (text !== undefined) assert.is(text, wanted[key])
            // what rekey believes: sealed to those already
            if (
              result.renewed.length > 0 &&
              isSameSet(
                storedFor,
                to.map(({ recipient }) => recipient),
              ) &&
              result.left.length === 0
            )
              assert.is(text !== undefined, to.includes(person), `${key} and its recipients`)
          }
      }
    }),
    { numRuns: 60 },
  )
})

test('asks for recipients only where something must be sealed', async () => {
  const [ada] = people
  const request = {
    ...place,
    values: new Map([['a', Buffer.from('x')]]),
    identities: [ada!],
    keepsEqual: true,
    others: 'leave' as const,
  }
  const first = await sealValues({
    ...request,
    stored: {},
    storedFor: [],
    recipients: async () => [ada!.recipient],
  })
  const second = await sealValues({
    ...request,
    stored: first.sealed,
    storedFor: first.recipients,
    recipients: () => Promise.reject(new Error('asked')),
  })
  assert.equal(second, { ...first, renewed: [] })
})

test.run()
