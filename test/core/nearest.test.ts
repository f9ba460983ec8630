import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { editDistance, nearest } from '../../src/core/nearest.ts'

for (const [a, b, distance] of [
  ['', '', 0],
  ['', 'abc', 3],
  ['memroy', 'memory', 1],
  ['kitten', 'sitting', 3],
  ['ab', 'ba', 1],
  ['replicas', 'replicas', 0],
] as const)
  test(`editDistance ${a} ${b}`, () => {
    assert.is(editDistance(a, b), distance)
    assert.is(editDistance(b, a), distance)
  })

const fields = ['cpu', 'memory', 'replicas', 'readiness', 'resources', 'workingDir']
for (const [word, wanted] of [
  ['memroy', ['memory']],
  ['Memory', ['memory']],
  ['repl', ['replicas']],
  ['re', []],
  ['zebra', []],
  ['', []],
  ['x'.repeat(10_000), []],
] as const)
  test(`nearest ${word.slice(0, 20)}`, () => assert.equal(nearest(word, fields, 1), wanted))

test('the best come first, at most as many as asked for', () => {
  assert.equal(nearest('web', ['webs', 'web', 'wed', 'xyz'], 2), ['web', 'webs'])
})

test.run()
