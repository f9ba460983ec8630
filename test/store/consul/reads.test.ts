/** Reads that go together: everybody gets what was there after asking, and nobody suffers for another. */
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import type { KvEntry } from '../../../src/store/consul/client.ts'
import { ConsulError } from '../../../src/store/consul/errors.ts'
import { Reads } from '../../../src/store/consul/reads.ts'

interface Sent {
  readonly keys: readonly string[]
  answer(): void
  fail(error: Error): void
}

function scene() {
  const clock = new ManualClock()
  const sent: Sent[] = []
  const read = (keys: readonly string[]) =>
    new Promise<ReadonlyMap<string, KvEntry>>((resolve, reject) => {
      const answer = () => resolve(new Map(keys.map((key) => [key, { key, value: key, index: 1 }])))
      sent.push({ keys, answer, fail: reject })
    })
  const reads = new Reads({ clock, read })
  return { clock, sent, reads, keys: () => sent.map((one) => one.keys) }
}

test('what is asked for in one turn goes in one, each key once', async () => {
  const { reads, sent, keys } = scene()
  const both = Promise.all([reads.read(['a', 'b']), reads.read(['b', 'c'])])
  await turn()
  assert.equal(keys(), [['a', 'b', 'c']])
  sent[0]!.answer()
  const [first, second] = await both
  assert.is(first.get('a')?.value, 'a')
  assert.is(second.get('c')?.value, 'c')
})

test('what is asked for while one is on its way is not answered by that one', async () => {
  const { reads, sent, keys } = scene()
  const first = reads.read(['a'])
  await turn()
  const others = Promise.all([reads.read(['a']), reads.read(['b'])])
  await turn()
  assert.equal(keys(), [['a']])
  sent[0]!.answer()
  await first
  await turn()
  assert.equal(keys(), [['a'], ['a', 'b']])
  sent[1]!.answer()
  await others
})

test('one that takes long is not waited for', async () => {
  const { reads, clock, sent, keys } = scene()
  const slow = reads.read(['a'])
  await turn()
  const next = reads.read(['b'])
  clock.advance(49)
  await turn()
  assert.equal(keys(), [['a']])
  clock.advance(1)
  await turn()
  assert.equal(keys(), [['a'], ['b']])
  sent[1]!.answer()
  await next
  sent[0]!.answer()
  await slow
})

test('no more goes together than a transaction holds, and what one asks for is never cut', async () => {
  const { reads, sent, keys } = scene()
  const asks = ['x', 'y', 'z'].map((name) => Array.from({ length: 30 }, (_, i) => `${name}${i}`))
  const all = Promise.all(asks.map((ask) => reads.read(ask)))
  await turn()
  assert.equal(keys(), [[...asks[0]!, ...asks[1]!], asks[2]])
  for (const one of sent) one.answer()
  await all
})

test('what one may not read keeps the others from nothing', async () => {
  const { reads, sent, keys } = scene()
  const refused = reads.read(['secret']).catch((error) => error)
  const allowed = reads.read(['a'])
  await turn()
  const denied = new ConsulError('never', 'Unreachable', 'it may not read secret')
  sent[0]!.fail(denied)
  await turn()
  assert.equal(keys(), [['secret', 'a'], ['secret'], ['a']])
  sent[1]!.fail(denied)
  sent[2]!.answer()
  assert.is(await refused, denied)
  assert.is((await allowed).get('a')?.value, 'a')
})

test('a store that is away is told to all at once', async () => {
  const { reads, sent, keys } = scene()
  const both = Promise.allSettled([reads.read(['a']), reads.read(['b'])])
  await turn()
  sent[0]!.fail(new ConsulError('unknown', 'Unreachable', 'away'))
  assert.equal(
    (await both).map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  assert.is(keys().length, 1)
})

test.run()
