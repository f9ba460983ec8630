/** Judging leases. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { judgeLease } from './leases.ts'
import { operationsOf, type Recorded } from './operations.ts'

const hold = (process: string, epoch: number, beginMs: number, endMs: number, stalledMs = 0): Recorded => ({
  ...{ process, beginMs, endMs },
  call: { kind: 'hold', name: 'l', epoch, revision: 10 * epoch, askedMs: beginMs },
  outcome: { kind: 'over', stalledMs },
})

const write = (epoch: number, revision: number): Recorded => ({
  ...{ process: 'w', beginMs: 0, endMs: 1 },
  call: { kind: 'write', key: 'k', value: `${revision}`, under: { name: 'l', epoch } },
  outcome: { kind: 'ok', revision },
})

for (const [name, operations, faults] of [
  ['one after the other', [hold('a', 1, 0, 10), hold('b', 2, 10, 20), hold('a', 3, 25, 30)], 0],
  ['two at once', [hold('a', 1, 0, 100), hold('b', 2, 50, 200)], 1],
  ['one within the other', [hold('a', 1, 0, 100), hold('b', 2, 50, 60)], 1],
  ['the earlier one stood still for as long', [hold('a', 1, 0, 100, 60), hold('b', 2, 50, 200)], 0],
  ['the later one stood still', [hold('a', 1, 0, 100), hold('b', 2, 50, 200, 60)], 1],
  [
    'an epoch twice',
    [hold('a', 1, 0, 10), { ...hold('b', 1, 20, 30), call: { ...hold('b', 1, 20, 30).call, revision: 15 } }],
    1,
  ],
  [
    'an epoch that goes back',
    [hold('a', 2, 0, 10), { ...hold('b', 1, 20, 30), call: { ...hold('b', 1, 20, 30).call, revision: 25 } }],
    2,
  ],
  ['writes in their epochs', [hold('a', 1, 0, 10), write(1, 11), hold('b', 2, 20, 30), write(2, 21)], 0],
  ['a late write', [hold('a', 1, 0, 10), write(1, 11), hold('b', 2, 20, 30), write(1, 21)], 1],
] as const) {
  test(`judgeLease: ${name}`, () => {
    assert.is(judgeLease('l', operations as readonly Recorded[]).length, faults)
  })
}

test('operationsOf: what a killed process held, it held until then, and what it was doing is unknown', () => {
  const held = { kind: 'hold', name: 'l', epoch: 1, revision: 10, askedMs: 0 } as const
  const put = { kind: 'write', key: 'k', value: 'v' } as const
  const found = operationsOf(
    'p',
    [
      ['begin', 0, held, 5],
      ['begin', 1, put, 6],
      ['begin', 2, put, 7],
      ['end', 2, { kind: 'ok', revision: 3 }, 8],
    ],
    { atMs: 9, stalledMs: 4 },
  )
  assert.equal(
    found.map(({ beginMs, endMs, outcome }) => [beginMs, endMs, outcome.kind]),
    [
      [5, 9, 'over'],
      [6, Number.POSITIVE_INFINITY, 'unknown'],
      [7, 8, 'ok'],
    ],
  )
})

test.run()
