import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MAX_OBJECT_BYTES } from '../../src/api/admission/limits.ts'
import { seal } from '../../src/secrets/age.ts'
import { newIdentity } from '../../src/secrets/identity.ts'
import { armoredBytes, checkFits } from '../../src/secrets/size.ts'
import { sealValue } from '../../src/secrets/value.ts'
import { faultOf } from './faults.ts'

const recipients = [
  (await newIdentity()).recipient,
  (await newIdentity()).recipient,
  (await newIdentity()).recipient,
]
const place = { namespace: 'prod', name: 'db' }

test('the length of what is sealed is known before', async () => {
  for (const length of [0, 1, 47, 48, 65_535, 65_536, 65_537, 200_000])
    for (const count of [1, 2, 3])
      assert.is(
        armoredBytes(length, count),
        (await seal(new Uint8Array(length), recipients.slice(0, count))).length,
        `${length} to ${count}`,
      )
})

const fits = async (lengths: ReadonlyMap<string, number>, limit: number) =>
  checkFits(place, lengths, recipients.length, limit)

test('what is let through fits an object, and little that would fit is not', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.stringMatching(/^[a-z][-._a-zA-Z0-9]{0,19}$/), fc.nat(3000), {
        minKeys: 1,
        maxKeys: 8,
      }),
      async (record) => {
        const lengths = new Map(Object.entries(record))
        const sealed: Record<string, unknown> = {}
        for (const [key, length] of lengths)
          sealed[key] = await sealValue(new Uint8Array(length), { ...place, key }, recipients)
        const object = {
          apiVersion: 'nsctl.dev/v1alpha1',
          kind: 'Secret',
          metadata: {
            ...place,
            uid: '00000000-0000-4000-8000-000000000000',
            creationTimestamp: '2026-01-01T00:00:00Z',
            generation: 1,
          },
          spec: { sealed, recipients, immutable: false },
        }
        const bytes = Buffer.byteLength(JSON.stringify(object))
        await faultOf(fits(lengths, bytes))
        await fits(lengths, bytes + 2048)
      },
    ),
    { numRuns: 50 },
  )
})

test('a value of 1 MB is refused by name of the limit, and not by its own', async () => {
  const fault = await faultOf(
    fits(
      new Map([
        ['small', 10],
        ['cert', 1_000_000],
      ]),
      MAX_OBJECT_BYTES,
    ),
  )
  assert.is(fault.code, 'TooLarge')
  assert.is(
    fault.message,
    'Secret prod/db does not fit: sealed and with all it holds an object may have 124KiB, and the value of cert is its largest',
  )
  assert.match(fault.next as string, 'Values of one Secret may have about 88KiB together')
  assert.not.match(JSON.stringify(fault), /1[, ]?000[, ]?000|976/)
  await fits(new Map([['cert', 88 * 1024]]), MAX_OBJECT_BYTES)
  await faultOf(fits(new Map([['cert', 90 * 1024]]), MAX_OBJECT_BYTES))
})

test('where it is the keys that are too many, they are named and no value', async () => {
  const many = new Map(Array.from({ length: 256 }, (_, index) => [`K${index}`, 3] as const))
  const fault = await faultOf(fits(many, MAX_OBJECT_BYTES))
  assert.is(fault.code, 'TooLarge')
  assert.match(
    fault.message,
    /an object may have 124KiB, and 256 keys, each sealed to 3 recipients, take \d+KiB before there is anything in them$/,
  )
  assert.match(fault.next as string, 'Use several Secrets')
})

test.run()
