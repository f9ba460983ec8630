import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { composed, readingOf } from '../../../src/scaling/rabbitmq/modes.ts'

const facts = (messages: number, publishRate: number, deliverGetRate: number) => ({
  messages,
  publishRate,
  deliverGetRate,
})

for (const { mode, of, activation = 2, value, active } of [
  { mode: 'QueueLength', of: facts(2, 9, 9), value: 2, active: false },
  { mode: 'QueueLength', of: facts(3, 0, 0), value: 3, active: true },
  { mode: 'MessageRate', of: facts(0, 2, 0), value: 2, active: false },
  { mode: 'MessageRate', of: facts(0, 2.5, 0), value: 2.5, active: true },
  // what waits makes it active even where nothing more comes
  { mode: 'MessageRate', of: facts(3, 0, 0), value: 0, active: true },
  { mode: 'DeliverGetRate', of: facts(9, 9, 2), value: 2, active: false },
  { mode: 'DeliverGetRate', of: facts(0, 0, 3), value: 3, active: true },
  { mode: 'PublishedToDeliveredRatio', of: facts(9, 0, 5), value: 0, active: false },
  { mode: 'PublishedToDeliveredRatio', of: facts(9, 6, 2), value: 3, active: true },
  { mode: 'PublishedToDeliveredRatio', of: facts(9, 6, 3), value: 2, active: false },
  // published and not delivered: nobody is there
  { mode: 'PublishedToDeliveredRatio', of: facts(9, 6, 0), value: 2, active: true },
  { mode: 'ExpectedQueueConsumptionTime', of: facts(0, 9, 9), value: 0, active: false },
  { mode: 'ExpectedQueueConsumptionTime', of: facts(1, 0, 0), value: 2, active: true },
  { mode: 'ExpectedQueueConsumptionTime', of: facts(20, 4, 2), value: 11, active: true },
  { mode: 'ExpectedQueueConsumptionTime', of: facts(1, 0, 10), value: 0, active: false },
]) {
  test(`readingOf ${mode} of ${JSON.stringify(of)}`, () => {
    const reading = readingOf(of, { mode, activation })
    assert.equal([reading.metrics[0]?.value, reading.active], [value, active])
  })
}

for (const { operation, want } of [
  { operation: 'sum', want: facts(6, 3, 9) },
  { operation: 'avg', want: facts(2, 1, 3) },
  { operation: 'max', want: facts(5, 2, 8) },
]) {
  test(`composed by ${operation}`, () => {
    assert.equal(composed([facts(5, 1, 0), facts(1, 0, 1), facts(0, 2, 8)], operation), want)
    assert.equal(composed([], operation), facts(0, 0, 0))
  })
}

test.run()
