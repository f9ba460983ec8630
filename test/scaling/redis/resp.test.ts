import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeCommand, RedisRefusal, type Reply, readReply } from '../../../src/scaling/redis/resp.ts'

const read = (text: string) => readReply(Buffer.from(text))

for (const { text, want } of [
  { text: '+OK\r\n', want: 'OK' },
  { text: ':0\r\n', want: 0 },
  { text: ':-7\r\n', want: -7 },
  { text: '$-1\r\n', want: null },
  { text: '$0\r\n\r\n', want: '' },
  { text: '$4\r\na\r\nb\r\n', want: 'a\r\nb' },
  { text: '*-1\r\n', want: null },
  { text: '*0\r\n', want: [] },
  { text: '*2\r\n$1\r\na\r\n*1\r\n:1\r\n', want: ['a', [1]] },
] as const) {
  test(`readReply reads ${JSON.stringify(text)}, and nothing of less`, () => {
    assert.equal(read(text), { frame: want as Reply, end: text.length })
    assert.is(read(`${text}more`)?.end, text.length)
    for (let length = 0; length < text.length; length++) assert.is(read(text.slice(0, length)), undefined)
  })
}

test('readReply gives a refusal in its own words', () => {
  const reply = read('-WRONGTYPE no list\r\n')?.frame
  assert.instance(reply, RedisRefusal)
  assert.is((reply as RedisRefusal).message, 'WRONGTYPE no list')
})

for (const text of [
  'HTTP/1.1 200 OK\r\n',
  'x',
  '\r\n',
  ':\r\n',
  ':1.5\r\n',
  ':NaN\r\n',
  ':99999999999999999999\r\n',
  '$-2\r\n',
  '$99999999\r\n',
  '$1\r\nabc',
  '*-2\r\n',
  '*9999999\r\n',
  '*1\r\n'.repeat(9),
])
  test(`readReply refuses ${JSON.stringify(text)}`, () => assert.throws(() => read(text), /its answer is/))

test('readReply ends for any bytes, with a reply, without one, or with an error of its own', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.string({ unit: fc.constantFrom(...'+-:$*0123456789\r\n') }),
  )
  fc.assert(
    fc.property(bytes, (any) => {
      try {
        const read = readReply(Buffer.from(any as Uint8Array))
        assert.ok(read === undefined || read.end <= any.length * 4)
      } catch (error) {
        assert.match((error as Error).message, /^its answer is/)
      }
    }),
  )
})

test('encodeCommand counts bytes, not letters', () => {
  assert.is(encodeCommand(['LLEN', 'ü']), '*2\r\n$4\r\nLLEN\r\n$2\r\nü\r\n')
})

test.run()
