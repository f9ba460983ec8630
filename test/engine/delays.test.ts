import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Delayed, DelayHeap } from '../../src/engine/delays.ts'

interface Item extends Delayed {
  readonly id: number
}

test('property: gives out what falls due first, after any putting in, moving up and taking out', () => {
  const id = fc.integer({ min: 0, max: 19 })
  const command = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('put' as const), id, at: fc.nat(100) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), id }) },
  )
  fc.assert(
    fc.property(fc.array(command, { maxLength: 100 }), (commands) => {
      const heap = new DelayHeap<Item>()
      const items = Array.from({ length: 20 }, (_, at): Item => ({ id: at, dueAtMs: 0, place: -1 }))
      const model = new Map<number, number>()
      for (const one of commands) {
        const item = items[one.id]!
        if (one.kind === 'put') {
          heap.put(item, one.at)
          model.set(one.id, Math.min(one.at, model.get(one.id) ?? Number.POSITIVE_INFINITY))
        } else {
          heap.remove(item)
          model.delete(one.id)
        }
        assert.is(heap.size, model.size)
        assert.is(heap.first()?.dueAtMs, model.size === 0 ? undefined : Math.min(...model.values()))
      }
      const order: number[] = []
      for (let first = heap.first(); first !== undefined; first = heap.first()) {
        assert.is(first.dueAtMs, model.get(first.id))
        order.push(first.dueAtMs)
        heap.remove(first)
      }
      assert.equal(
        order,
        [...model.values()].sort((a, b) => a - b),
      )
    }),
    { numRuns: 500 },
  )
})

test('what takes the place of an item that is taken out may have to rise', () => {
  const heap = new DelayHeap<Item>()
  const items = [0, 10, 1, 11, 12, 2, 3].map((dueAtMs, id): Item => ({ id, dueAtMs, place: -1 }))
  for (const item of items) heap.put(item, item.dueAtMs)
  heap.remove(items[3]!)
  for (const dueAtMs of [50, 60]) heap.put({ id: dueAtMs, dueAtMs, place: -1 }, dueAtMs)
  const order: number[] = []
  for (let first = heap.first(); first !== undefined; first = heap.first()) {
    order.push(first.dueAtMs)
    heap.remove(first)
  }
  assert.equal(order, [0, 1, 2, 3, 10, 12, 50, 60])
})

test('clear takes out everything, so that it can be put in again', () => {
  const heap = new DelayHeap<Item>()
  const item: Item = { id: 1, dueAtMs: 0, place: -1 }
  heap.put(item, 5)
  heap.clear()
  assert.is(heap.first(), undefined)
  heap.put(item, 9)
  assert.is(heap.first()?.dueAtMs, 9)
})

test.run()
