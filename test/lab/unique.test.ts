import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { judge } from './unique.ts'

const trace = (ordinal: number, token: number, who: string, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `${ordinal} ${token} ${who} ${from + i}`).join('\n')

for (const c of [
  {
    name: 'one after the other',
    traces: [trace(0, 5, 'a', 100, 200), trace(0, 6, 'b', 201, 300)],
    doubled: [],
    stale: [],
  },
  {
    name: 'two ordinals',
    traces: [trace(0, 5, 'a', 100, 200), trace(1, 5, 'b', 150, 300)],
    doubled: [],
    stale: [],
  },
  {
    name: 'two at once',
    traces: [trace(0, 5, 'a', 100, 200), trace(0, 6, 'b', 170, 300)],
    doubled: [30],
    stale: [],
  },
  {
    name: 'one within another',
    traces: [trace(0, 5, 'a', 100, 400), trace(0, 6, 'b', 170, 300)],
    doubled: [130],
    stale: [],
  },
  {
    name: 'a token that does not grow',
    traces: [trace(0, 5, 'a', 100, 200), trace(0, 5, 'b', 300, 400)],
    doubled: [],
    stale: ['b'],
  },
  {
    name: 'one that stands still, and goes on beside another for a moment',
    traces: [trace(0, 5, 'a', 100, 200), trace(0, 5, 'a', 5000, 5010), trace(0, 6, 'b', 3000, 6000)],
    doubled: [10],
    stale: [],
  },
  {
    name: 'a line that is cut off',
    traces: [`${trace(0, 5, 'a', 100, 200)}\n0 6 b`],
    doubled: [],
    stale: [],
  },
])
  test(`the judge of unique programs: ${c.name}`, () => {
    const { doubled, stale } = judge(c.traces)
    assert.equal(
      doubled.map(({ forMs }) => forMs),
      c.doubled,
    )
    assert.equal(
      stale.map(({ who }) => who),
      c.stale,
    )
  })

test.run()
