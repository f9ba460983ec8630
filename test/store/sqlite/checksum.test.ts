import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Checksums } from '../../../src/store/sqlite/checksum.ts'

const checksum = (key: string, revision: number, value: string) => new Checksums().of(key, revision, value)

test('any one flipped bit in a value changes the checksum', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 40 }), fc.nat(), fc.nat(6), (value, where, bit) => {
      const at = where % value.length
      const flipped = String.fromCharCode(value.charCodeAt(at) ^ (1 << bit))
      const changed = value.slice(0, at) + flipped + value.slice(at + 1)
      assert.is.not(checksum('key', 7, value), checksum('key', 7, changed))
    }),
    { numRuns: 3_000 },
  )
})

test('key, revision and value all count, and where one ends', () => {
  const sums = [
    checksum('a', 1, 'b'),
    checksum('b', 1, 'b'),
    checksum('a', 2, 'b'),
    checksum('a', 1, 'c'),
    checksum('ab', 1, ''),
    checksum('', 1, 'ab'),
    checksum('a', 2 ** 33 + 1, 'b'),
  ]
  assert.is(new Set(sums).size, sums.length)
})

test('what was laid out before leaves no trace, however long', () => {
  const used = new Checksums()
  const text = fc.string({ unit: 'grapheme', maxLength: 30 })
  fc.assert(
    fc.property(text, text, fc.nat(3), (key, value, times) => {
      const long = value.repeat(times * 500)
      assert.is(used.of(key, 3, long), checksum(key, 3, long))
      assert.is(used.of(key, 3, value), checksum(key, 3, value))
    }),
  )
})

test('it is an unsigned 32-bit number', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), fc.string({ unit: 'grapheme' }), (key, revision, value) => {
      const sum = checksum(key, revision, value)
      assert.ok(Number.isInteger(sum) && sum >= 0 && sum < 2 ** 32)
    }),
  )
})

test.run()
