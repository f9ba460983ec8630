import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Fields, Message } from '../../../src/store/etcd/wire.ts'

test('what is written is read back, and what is not asked for is skipped', () => {
  const int = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
  const field = fc.oneof(
    fc.record({ kind: fc.constant('int' as const), value: int }),
    fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 300 }) }),
    fc.record({ kind: fc.constant('skipped' as const), value: fc.uint8Array({ maxLength: 300 }) }),
  )
  fc.assert(
    fc.property(fc.array(field, { maxLength: 20 }), (fields) => {
      const message = new Message()
      for (const [index, one] of fields.entries()) {
        if (one.kind === 'int') message.presentInt(index + 1, one.value)
        else message.presentBytes(index + 1, one.value)
      }
      const read: unknown[] = []
      const reader = new Fields(new Message().message(7, message).encode())
      assert.ok(reader.next())
      assert.is(reader.field, 7)
      const inner = new Fields(reader.bytes())
      while (inner.next()) {
        const { kind } = fields[inner.field - 1]!
        if (kind === 'int') read.push(inner.int())
        if (kind === 'bytes') read.push(Uint8Array.from(inner.bytes()))
      }
      assert.equal(
        read,
        fields.filter(({ kind }) => kind !== 'skipped').map(({ value }) => value),
      )
    }),
  )
})

// protobuf's own examples (https://protobuf.dev/programming-guides/encoding/)
for (const { name, message, hex } of [
  { name: 'a varint', message: new Message().int(1, 150), hex: '089601' },
  { name: 'text', message: new Message().text(2, 'testing'), hex: '120774657374696e67' },
  {
    name: 'a message within',
    message: new Message().message(3, new Message().int(1, 150)),
    hex: '1a03089601',
  },
  {
    name: 'defaults, which are left out',
    message: new Message().int(1, 0).text(2, '').flag(3, false),
    hex: '',
  },
  { name: 'defaults that count', message: new Message().presentInt(6, 0), hex: '3000' },
]) {
  test(`${name} is written as protobuf does`, () => assert.is(message.encode().toString('hex'), hex))
}

for (const { name, hex } of [
  { name: 'a varint', hex: '0896' },
  { name: 'a length', hex: '1209' },
  { name: 'bytes', hex: '120374' },
]) {
  test(`${name} that ends too soon is an error`, () => {
    const fields = new Fields(Buffer.from(hex, 'hex'))
    assert.throws(() => {
      while (fields.next()) fields.field === 1 ? fields.int() : fields.bytes()
    }, /ends too soon/)
  })
}

test('fixed-width fields, which etcd has none of, are skipped', () => {
  const fields = new Fields(Buffer.from(`09${'00'.repeat(8)}15${'00'.repeat(4)}1805`, 'hex'))
  const read: number[] = []
  while (fields.next()) if (fields.field === 3) read.push(fields.int())
  assert.equal(read, [5])
})

test.run()
