import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  formatBase,
  formatStamp,
  formatStamps,
  parseStamps,
  type Stamp,
  stampFinder,
  thin,
} from '../../../src/runtimes/process/stamps.ts'

test('what is written is read again, and a line that is cut short is left out', () => {
  const entries: Stamp[] = [
    { stream: 'o', atMs: 10, offset: 5 },
    { stream: 'e', atMs: 11, offset: 3 },
  ]
  const text = entries.map(formatStamp).join('') + formatBase('o', 4)
  assert.equal(parseStamps(text), { entries, base: { o: 4, e: 0 } })
  assert.equal(parseStamps(`${text}o 12 9`), { entries, base: { o: 4, e: 0 } })
  assert.equal(parseStamps(`${text}o x y\nz 1 2\n`), { entries, base: { o: 4, e: 0 } })
})

test('a line has the time of the first entry that covers it, and the order of the entries', () => {
  const stamps = parseStamps('o 10 100\ne 20 50\no 30 200\n')
  const out = stampFinder(stamps, 'o', 99)
  assert.equal([1, 100, 101, 200, 201].map(out), [
    { atMs: 10, rank: 0 },
    { atMs: 10, rank: 0 },
    { atMs: 30, rank: 2 },
    { atMs: 30, rank: 2 },
    { atMs: 99, rank: 3 },
  ])
  assert.equal(stampFinder(stamps, 'e', 99)(50), { atMs: 20, rank: 1 })
})

const anyStamps = fc.array(
  fc.record({
    stream: fc.constantFrom('o' as const, 'e' as const),
    atMs: fc.nat(),
    grown: fc.integer({ min: 1, max: 99 }),
  }),
)

test('thinning keeps the newer half and never makes a line older', () => {
  fc.assert(
    fc.property(anyStamps, (steps) => {
      const at = { o: 0, e: 0 }
      let atMs = 0
      const entries = steps.map(({ stream, grown }): Stamp => {
        at[stream] += grown
        return { stream, atMs: ++atMs, offset: at[stream] }
      })
      const before = { entries, base: { o: 0, e: 0 } }
      const after = parseStamps(formatStamps(thin(before)))
      assert.ok(after.entries.length <= Math.ceil(entries.length * 0.75) + 1)
      assert.equal(after.entries.at(-1), entries.at(-1))
      for (const stream of ['o', 'e'] as const) {
        const [old, young] = [stampFinder(before, stream, 1e9), stampFinder(after, stream, 1e9)]
        for (let end = 1; end <= at[stream]; end += 7) assert.ok(young(end).atMs >= old(end).atMs)
      }
    }),
  )
})

test.run()
