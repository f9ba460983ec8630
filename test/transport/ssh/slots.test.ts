import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Slots } from '../../../src/transport/ssh/slots.ts'
import { rejection } from '../contract.ts'

const signal = AbortSignal.timeout(20_000)
const settle = () => new Promise((resolve) => setImmediate(resolve))

test('hands slots out in turn, and never more than there are', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.constantFrom('take', 'give', 'abort', 'twice'), { maxLength: 40 }),
      async (limit, steps) => {
        const slots = new Slots(limit)
        const order: number[] = []
        const held: (() => void)[] = []
        const waiting = new Map<number, AbortController>()
        for (const [index, step] of steps.entries()) {
          if (step === 'take') {
            const controller = new AbortController()
            waiting.set(index, controller)
            slots.take(controller.signal).then(
              (release) => {
                waiting.delete(index)
                order.push(index)
                held.push(release)
              },
              () => {},
            )
          } else if (step === 'abort') {
            const [first] = waiting
            first?.[1].abort(new Error('no patience'))
            if (first !== undefined) waiting.delete(first[0])
          } else {
            const release = held.shift()
            release?.()
            if (step === 'twice') release?.()
          }
          await settle()
          assert.ok(slots.taken <= limit)
          assert.is(slots.taken, held.length)
          assert.ok(held.length === limit || waiting.size === 0, 'nobody waits for a free slot')
        }
        assert.equal(
          order,
          [...order].sort((a, b) => a - b),
        )
      },
    ),
    { numRuns: 60 },
  )
})

test('two that ask at once for the last slot do not both get it', async () => {
  const slots = new Slots(1)
  const first = await slots.take(signal)
  const [second, third] = [slots.take(signal), slots.take(signal)]
  first()
  slots.take(AbortSignal.abort(new Error('late'))).catch(() => {})
  const release = await second
  assert.is(slots.taken, 1)
  release()
  ;(await third)()
  assert.is(slots.taken, 0)
})

test('lowered, it waits until fewer are taken', async () => {
  const slots = new Slots(5)
  const held = await Promise.all([1, 2, 3].map(() => slots.take(signal)))
  slots.lower(2)
  slots.lower(7)
  slots.lower(2)
  let isGiven = false
  void slots.take(signal).then(() => {
    isGiven = true
  })
  held[0]?.()
  await settle()
  assert.not(isGiven)
  held[1]?.()
  await settle()
  assert.ok(isGiven)
})

test('it is never lowered to none', async () => {
  const slots = new Slots(5)
  slots.lower(0)
  await slots.take(signal)
})

test('whoever waits can be called off', async () => {
  const slots = new Slots(1)
  await slots.take(signal)
  const controller = new AbortController()
  const waiting = slots.take(controller.signal)
  controller.abort(new Error('no patience'))
  assert.is(((await rejection(waiting)) as Error).message, 'no patience')
})

test.run()
