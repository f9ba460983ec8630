import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NsctlError } from '../../../../src/core/errors.ts'
import {
  decode,
  encodeCall,
  type IncomingMessage,
  MessageSplitter,
} from '../../../../src/runtimes/systemd/dbus/message.ts'
import { DbusReader } from '../../../../src/runtimes/systemd/dbus/reader.ts'
import { parseSignature } from '../../../../src/runtimes/systemd/dbus/signature.ts'
import { type DbusValue, DbusWriter } from '../../../../src/runtimes/systemd/dbus/writer.ts'

interface Typed {
  readonly signature: string
  readonly value: DbusValue
}

const text = fc.string({ unit: 'grapheme' }).map((one) => one.replaceAll('\0', ''))
const basic: fc.Arbitrary<Typed> = fc.oneof(
  fc.nat(255).map((value) => ({ signature: 'y', value })),
  fc.boolean().map((value) => ({ signature: 'b', value })),
  fc.integer({ min: -32768, max: 32767 }).map((value) => ({ signature: 'n', value })),
  fc.nat(65535).map((value) => ({ signature: 'q', value })),
  fc.integer().map((value) => ({ signature: 'i', value })),
  fc.nat(2 ** 31 - 1).map((value) => ({ signature: 'u', value: value * 2 + 1 })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ signature: 'x', value })),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ({ signature: 't', value })),
  fc.double({ noNaN: true }).map((value) => ({ signature: 'd', value })),
  text.map((value) => ({ signature: 's', value })),
  fc.constantFrom('as', 'a{sv}', '(iu)').map((value) => ({ signature: 'g', value })),
)

/** A value of a random type, containers of containers included. */
const { typed } = fc.letrec<{ typed: Typed; array: Typed; struct: Typed }>((tie) => ({
  typed: fc.oneof({ depthSize: 'small', withCrossShrink: true }, basic, tie('array'), tie('struct')),
  array: fc.tuple(tie('typed'), fc.nat(3)).map(([{ signature, value }, length]) => ({
    signature: `a${signature}`,
    value: Array.from({ length }, () => value),
  })),
  struct: fc.array(tie('typed'), { minLength: 1, maxLength: 4 }).map((fields) => ({
    signature: `(${fields.map((field) => field.signature).join('')})`,
    value: fields.map((field) => field.value),
  })),
}))

test('what is written is read back, whatever its type', () => {
  fc.assert(
    fc.property(fc.array(typed, { maxLength: 5 }), (values) => {
      const signature = values.map((one) => one.signature).join('')
      const writer = new DbusWriter()
      writer.writeAll(
        signature,
        values.map((one) => one.value),
      )
      const reader = new DbusReader(writer.bytes())
      assert.equal(
        reader.readAll(signature),
        values.map((one) => one.value),
      )
      assert.is(reader.position, writer.bytes().length)
    }),
  )
})

test('skipping a value ends where reading it ends', () => {
  fc.assert(
    fc.property(typed, ({ signature, value }) => {
      const writer = new DbusWriter()
      writer.writeAll(`${signature}v`, [value, { signature, value }])
      const [read, skipped] = [new DbusReader(writer.bytes()), new DbusReader(writer.bytes())]
      read.readAll(`${signature}v`)
      for (const type of parseSignature(`${signature}v`)) skipped.skip(type)
      assert.is(skipped.position, read.position)
    }),
  )
})

test('only the members that are wanted are built', () => {
  fc.assert(
    fc.property(fc.dictionary(text, typed), (members) => {
      const writer = new DbusWriter()
      writer.writeAll('a{sv}', [new Map(Object.entries(members))])
      const names = Object.keys(members).filter((_, index) => index % 2 === 0)
      const read = new DbusReader(writer.bytes()).readMembers(new Set(names))
      assert.equal(
        [...read],
        names.map((name) => [name, members[name]!.value]),
      )
    }),
  )
})

test('calls survive being cut anywhere', () => {
  const call = fc.record({
    serial: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    path: fc.constantFrom('/', '/org/freedesktop/systemd1/unit/x_2dy'),
    interface: fc.constantFrom('org.freedesktop.systemd1.Manager', 'a.b'),
    member: fc.constantFrom('StartUnit', 'X'),
    destination: fc.option(fc.constant('org.freedesktop.systemd1'), { nil: undefined }),
    signature: fc.constant('ss'),
    body: fc.tuple(text, text),
  })
  fc.assert(
    fc.property(fc.array(call, { minLength: 1, maxLength: 5 }), fc.array(fc.nat(200)), (calls, cuts) => {
      const stream = Buffer.concat(calls.map((one) => encodeCall(one)))
      const splitter = new MessageSplitter()
      const seen: IncomingMessage[] = []
      let at = 0
      for (const cut of [...cuts, stream.length]) {
        splitter.push(stream.subarray(at, at + cut), (message) => seen.push(message))
        at = Math.min(stream.length, at + cut)
      }
      assert.equal(
        seen.map(({ serial, path, member, signature, body }) => ({
          serial,
          path,
          member,
          body: body().readAll(signature),
        })),
        calls.map(({ serial, path, member, body }) => ({ serial, path, member, body })),
      )
    }),
  )
})

test('a known message has known bytes', () => {
  const bytes = encodeCall({
    serial: 7,
    path: '/a',
    interface: 'b.c',
    member: 'D',
    signature: 's',
    body: ['é'],
  })
  assert.is(
    bytes.toString('hex'),
    '6c01000107000000070000003700000001016f00020000002f6100000000000002017300' +
      '03000000622e6300000000000301730001000000440000000000000008016700017300' +
      '0002000000c3a900',
  )
})

for (const signature of ['z', 'a', '(', '()', '(i', 'a{i}', 'a{vs}', '{ss}', `${'a'.repeat(70)}i`])
  test(`refuses the signature ${signature.slice(0, 10)}`, () => {
    assert.throws(
      () => parseSignature(signature),
      (error: unknown) => error instanceof NsctlError && error.code === 'Invalid',
    )
  })

test('torn and foreign bytes are refused, never read past their end', () => {
  const whole = encodeCall({
    serial: 1,
    path: '/',
    interface: 'a.b',
    member: 'C',
    signature: 'sas',
    body: ['x', ['y', 'z']],
  })
  const { signature } = decode(whole)
  const body = decode(whole).body
  assert.equal(body().readAll(signature), ['x', ['y', 'z']])
  const writer = new DbusWriter()
  writer.writeAll('s', ['hello'])
  for (let length = 0; length < writer.bytes().length; length++)
    assert.throws(() => new DbusReader(writer.bytes().subarray(0, length)).readAll('s'))
  assert.throws(
    () => new MessageSplitter().push(Buffer.from('HTTP/1.1 400 Bad Request'), () => {}),
    /not a little-endian/,
  )
})

test.run()
