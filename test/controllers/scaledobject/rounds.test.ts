import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Rounds } from '../../../src/controllers/scaledobject/rounds.ts'

/** Rounds that end when the test says so. */
function held() {
  const begun: PromiseWithResolvers<void>[] = []
  const rounds = new Rounds(() => {
    const round = Promise.withResolvers<void>()
    begun.push(round)
    return round.promise
  })
  return { rounds, begun }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('who asks while a round is under way waits for one more, and so do all others', async () => {
  const { rounds, begun } = held()
  const over: string[] = []
  for (const who of ['first', 'second', 'third']) void rounds.ask().then(() => over.push(who))
  assert.is(begun.length, 1)
  begun[0]?.resolve()
  await turn()
  assert.equal([begun.length, over.length], [2, 0])
  begun[1]?.resolve()
  await turn()
  assert.equal([begun.length, over.length], [2, 3])
})

test('one that fails fails for who asked, and the next begins anew', async () => {
  const { rounds, begun } = held()
  const failed = rounds.ask().catch((error: Error) => error.message)
  begun[0]?.reject(new Error('no'))
  assert.is(await failed, 'no')
  void rounds.ask()
  assert.is(begun.length, 2)
})

test('none begins after the end, which waits for the last', async () => {
  const { rounds, begun } = held()
  void rounds.ask()
  void rounds.ask()
  let isOver = false
  const ending = rounds.end().then(() => {
    isOver = true
  })
  await turn()
  assert.not(isOver)
  begun[0]?.resolve()
  await ending
  await rounds.ask()
  assert.is(begun.length, 1)
})

test.run()
