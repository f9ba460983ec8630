import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startOfMinute, timePrefixes } from '../../src/api/time-prefixes.ts'

const at = (text: string) => Date.parse(text)

for (const { name, from, to, want } of [
  { name: 'nothing', from: '2026-01-01T00:00Z', to: '2026-01-01T00:00Z', want: [] },
  { name: 'a minute', from: '2026-08-22T10:05Z', to: '2026-08-22T10:06Z', want: ['2026-08-22T10:05'] },
  {
    name: 'from one day into the next',
    from: '2024-02-28T22:59Z',
    to: '2024-03-01T01:00Z',
    want: ['2024-02-28T22:59', '2024-02-28T23', '2024-02-29', '2024-03-01T00'],
  },
  {
    name: 'years, months and a day',
    from: '2023-11-01T00:00Z',
    to: '2026-02-02T00:00Z',
    want: ['2023-11', '2023-12', '2024', '2025', '2026-01', '2026-02-01'],
  },
  {
    name: 'all before a day',
    from: '1970-01-01T00:00Z',
    to: '2022-01-02T00:00Z',
    want: ['197', '198', '199', '200', '201', '2020', '2021', '2022-01-01'],
  },
])
  test(`timePrefixes of ${name}`, () => assert.equal(timePrefixes(at(from), at(to)), want))

test('timePrefixes has every time of the span once and no other, and few prefixes', () => {
  const minute = fc.integer({ min: 0, max: at('2199-01-01T00:00Z') / 60_000 }).map((n) => n * 60_000)
  const time = fc.integer({ min: 0, max: at('2200-01-01T00:00Z') })
  fc.assert(
    fc.property(minute, minute, time, (a, b, anyMs) => {
      const [fromMs, toMs] = [Math.min(a, b), Math.max(a, b)]
      const prefixes = timePrefixes(fromMs, toMs)
      assert.ok(prefixes.length < 600, `${prefixes.length} prefixes`)
      assert.equal(prefixes, prefixes.toSorted())
      for (const ms of [anyMs, fromMs - 1, fromMs, toMs - 1, toMs, startOfMinute(anyMs)]) {
        if (ms < 0) continue
        const text = new Date(ms).toISOString()
        const having = prefixes.filter((prefix) => text.startsWith(prefix)).length
        assert.is(having, ms >= fromMs && ms < toMs ? 1 : 0, text)
      }
    }),
  )
})

test.run()
