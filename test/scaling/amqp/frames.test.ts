import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  longText,
  readFrame,
  shortText,
  table,
  uint8,
  uint16,
  uint32,
  writeMethod,
} from '../../../src/scaling/amqp/frames.ts'

test('readFrame reads what writeMethod wrote, and nothing of less', () => {
  const bytes = writeMethod(
    1,
    '50.11',
    shortText('jüb'),
    uint32(70_000),
    table({ a: 'b', c: { d: true } }),
    longText('x'),
    uint16(7),
    uint8(9),
  )
  for (let length = 0; length < bytes.length; length++)
    assert.is(readFrame(bytes.subarray(0, length)), undefined)
  const read = readFrame(Buffer.concat([bytes, Buffer.from('more')]))
  assert.is(read?.end, bytes.length)
  const { channel, id, args } = (read as NonNullable<typeof read>).frame
  assert.equal([channel, id, args.shortText(), args.uint32()], [1, '50.11', 'jüb', 70_000])
  args.skipTable()
  assert.equal([args.longText(), args.uint16(), args.uint8()], ['x', 7, 9])
  assert.throws(() => args.uint8(), /not in the protocol/)
})

for (const [name, bytes] of [
  ['another protocol', Buffer.from('HTTP/1.1')],
  ['its own greeting, for another version', Buffer.from('AMQP\0\0\x09\x01')],
  ['a heartbeat', Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce])],
  ['a frame without a method', Buffer.from([1, 0, 0, 0, 0, 0, 0, 0xce])],
  ['a frame that is too long', Buffer.from([1, 0, 0, 0x7f, 0, 0, 0])],
  ['a frame without an end', Buffer.from([1, 0, 0, 0, 0, 0, 4, 0, 10, 0, 10, 0])],
] as const)
  test(`readFrame refuses ${name}`, () => assert.throws(() => readFrame(bytes), /not in the protocol/))

test('readFrame ends for any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (any) => {
      try {
        const read = readFrame(Buffer.from([1, ...any]))
        assert.ok(read === undefined || read.end <= any.length + 1)
      } catch (error) {
        assert.match((error as Error).message, 'not in the protocol')
      }
    }),
  )
})

test.run()
