import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { plaintextOf } from '../../../src/client/sealing/plaintext.ts'
import type { AnyResource } from '../../../src/resources/object.ts'

const test = suite('plaintextOf')

const secret = (more: Record<string, unknown>) =>
  ({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Secret',
    metadata: { name: 'db' },
    ...more,
  }) as unknown as AnyResource
const read = (more: Record<string, unknown>) => {
  const { values, issues, rest } = plaintextOf(secret(more))
  const texts = Object.fromEntries([...values].map(([key, value]) => [key, Buffer.from(value).toString()]))
  return { values: texts, issues: issues.map(({ message }) => message), rest }
}

test('reads both, and stringData wins as in Kubernetes', () => {
  const { values, rest } = read({ data: { a: 'YQ==', b: 'Yg==' }, stringData: { b: 'B', c: '' } })
  assert.equal(values, { a: 'a', b: 'B', c: '' })
  assert.equal(rest, secret({}))
})

test('takes base64 over several lines', () =>
  assert.equal(read({ data: { a: 'aGVs\nbG8=\n' } }).values, { a: 'hello' }))

test('moves what is Kubernetes’ to where it is here', () => {
  assert.equal(read({ immutable: true, type: 'Opaque' }).rest, secret({ spec: { immutable: true } }))
  assert.equal(read({ type: 'kubernetes.io/tls' }).rest, secret({ type: 'kubernetes.io/tls' }))
  assert.equal(
    read({ immutable: true, spec: { immutable: false } }).rest.spec,
    { immutable: false },
    'what spec says itself stays',
  )
})

for (const [name, more, issue] of [
  ['no map', { stringData: ['x'] }, 'stringData: must be an object of keys and values'],
  ['null', { stringData: { a: null } }, 'stringData.a: must be a string, and is empty'],
  ['a boolean', { stringData: { a: true } }, 'stringData.a: must be a string: put it into quotes'],
  ['no base64', { data: { a: 'hunter2!' } }, 'data.a: must be base64; plain text belongs into stringData'],
  ['cut base64', { data: { a: 'aGVsbG8' } }, 'data.a: must be base64; plain text belongs into stringData'],
] as const)
  test(`says what is wrong: ${name}`, () => assert.equal(read(more).issues, [issue]))

test('any bytes come back from data, and any text from stringData', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.string({ unit: 'grapheme' }), (bytes, text) => {
      const { values, issues } = plaintextOf(
        secret({ data: { a: Buffer.from(bytes).toString('base64') }, stringData: { b: text } }),
      )
      assert.equal(issues, [])
      assert.is(Buffer.compare(values.get('a')!, bytes), 0)
      assert.is(Buffer.from(values.get('b')!).toString('utf8'), text.toWellFormed())
    }),
  )
})

test.run()
