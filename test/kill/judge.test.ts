import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findDoubles, readLives } from './judge.ts'

const log = `start 10 v1 0 1000
beat 10 v1 1 2000
end 10 v1 1 3000
start 11 v2 0 4000
beat 11 v2 1 5000
`

test('one after the other is right', () => {
  const lives = readLives(log)
  assert.equal(
    lives.map((one) => [one.pid, one.ended, one.beats]),
    [
      [10, true, 1],
      [11, false, 1],
    ],
  )
  assert.equal(findDoubles(lives), [])
})

test('catches a double', () => {
  assert.is(findDoubles(readLives(`${log}beat 10 v1 2 4500\n`)).length, 1)
})

test('catches a double inside another life', () => {
  assert.is(findDoubles(readLives(`${log}start 12 v3 0 4200\nbeat 11 v2 2 9000\n`)).length, 1)
})

test('catches a lost write and a torn line', () => {
  assert.throws(() => readLives(`${log}beat 11 v2 3 6000\n`), /beats are missing/)
  assert.throws(() => readLives(`${log}beat 11 v`), /torn line/)
  assert.throws(() => readLives('beat 9 v1 1 5\n'), /without a start/)
})

test.run()
