/** Who can be connected to. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Reachable } from '../../../src/agent/edge/reachable.ts'
import { ManualClock } from '../../../src/core/clock.ts'
import type { Backend } from '../../../src/traffic/balancer.ts'

const signal = AbortSignal.timeout(30_000)
const backend = (address: string): Backend => ({ address, port: 80, weight: 1 })
const [a, b] = [backend('10.0.0.1'), backend('fd00::2')]

function stage() {
  const dead = new Set<string>()
  let changes = 0
  const reachable = new Reachable({
    clock: new ManualClock(),
    isListening: async (host) => !dead.has(host),
    onChange: () => changes++,
  })
  reachable.watch([a, b])
  return { dead, reachable, changes: () => changes, look: () => reachable.look(signal) }
}

test('one that does not answer twice in a row is out, and in again once it does', async () => {
  const { dead, reachable, changes, look } = stage()
  dead.add('fd00::2')
  await look()
  assert.equal([reachable.of([a, b]), changes()], [[a, b], 0])
  await look()
  assert.equal([reachable.of([a, b]), changes()], [[a], 1])
  await look()
  assert.is(changes(), 1)
  dead.clear()
  await look()
  assert.equal([reachable.of([a, b]), changes()], [[a, b], 2])
})

test('one that did not answer once is looked at again sooner than the others', async () => {
  const clock = new ManualClock()
  const [dead, looks] = [new Set<string>(), [] as string[]]
  const reachable = new Reachable({
    clock,
    isListening: async (host) => looks.push(host) > 0 && !dead.has(host),
    onChange: () => {},
  })
  reachable.watch([a])
  const stop = new AbortController()
  const running = reachable.run(stop.signal)
  const after = async (ms: number) => {
    await clock.advance(ms)
    await new Promise((resolve) => setImmediate(resolve))
    return looks.length
  }
  assert.is(await after(0), 1)
  dead.add('10.0.0.1')
  assert.is(await after(999), 1)
  assert.is(await after(1), 2)
  assert.is(await after(199), 2)
  assert.is(await after(1), 3)
  // it is out, and may stay dead for long
  assert.is(await after(999), 3)
  assert.is(await after(1), 4)
  stop.abort()
  await running
})

test('where nobody answers all stay', async () => {
  const { dead, reachable, look } = stage()
  for (const { address } of [a, b]) dead.add(address)
  for (let count = 0; count < 3; count++) await look()
  assert.equal(reachable.of([a, b]), [a, b])
})

test('what is not looked at is taken as it is, and forgotten', async () => {
  const { dead, reachable, look } = stage()
  dead.add('10.0.0.1')
  for (let count = 0; count < 2; count++) await look()
  reachable.watch([b])
  assert.equal(reachable.of([a, b]), [a, b])
  reachable.watch([a, b])
  assert.equal(reachable.of([a, b]), [a, b])
})

test('a look that ends after it was given up says nothing', async () => {
  const answer = Promise.withResolvers<boolean>()
  const reachable = new Reachable({
    clock: new ManualClock(),
    isListening: () => answer.promise,
    onChange: () => assert.unreachable(),
  })
  reachable.watch([a])
  const looked = reachable.look(signal)
  reachable.watch([])
  answer.resolve(false)
  await looked
  assert.equal(reachable.of([a]), [a])
})

test.run()
