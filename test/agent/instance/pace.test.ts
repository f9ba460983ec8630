import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Pace } from '../../../src/agent/instance/pace.ts'
import { ManualClock } from '../../../src/core/clock.ts'

function setup(starting: number) {
  const clock = new ManualClock()
  const pace = new Pace(clock)
  for (let index = 0; index < starting; index++) pace.note(String(index), 'starting')
  let written = 0
  const write = () =>
    void pace.turn().then(() => {
      written++
    })
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  return { clock, pace, write, settle, written: () => written }
}

test('a few starts write their statuses at once', async () => {
  const { write, settle, written } = setup(7)
  write()
  await settle()
  assert.is(written(), 1)
})

test('a burst gathers them for a tenth of a second', async () => {
  const { clock, write, settle, written } = setup(8)
  write()
  clock.advance(60)
  write()
  await settle()
  assert.is(written(), 0)
  clock.advance(40)
  await settle()
  assert.is(written(), 2)
  write()
  await settle()
  assert.is(written(), 2, 'the next ones are gathered anew')
})

test('the end of the burst lets go of all that wait', async () => {
  const { pace, write, settle, written } = setup(9)
  write()
  pace.note('0', 'running')
  await settle()
  assert.is(written(), 0)
  pace.note('1', 'exited')
  await settle()
  assert.is(written(), 1)
})

test('what is not starting does not matter', async () => {
  const { pace, write, settle, written } = setup(8)
  write()
  pace.note('other', 'running')
  pace.note('gone', undefined)
  await settle()
  assert.is(written(), 0)
})

test.run()
