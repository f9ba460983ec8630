import * as fc from 'fast-check'
import client from 'prom-client'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ExpositionSample, readExposition } from '../../src/core/exposition.ts'

const read = (text: string) => [...readExposition(text)].map(plain)
const plain = ({ name, labels, value }: ExpositionSample) => ({ name, labels: { ...labels }, value })

for (const c of [
  { name: 'a plain sample', text: 'up 1', want: [{ name: 'up', labels: {}, value: 1 }] },
  {
    name: 'labels, with a comma at their end',
    text: 'x_total{a="b", c = "d",} 2.5e3',
    want: [{ name: 'x_total', labels: { a: 'b', c: 'd' }, value: 2500 }],
  },
  {
    name: 'escapes in labels',
    text: String.raw`x{a="\\ \" \n }",b=""} 1`,
    want: [{ name: 'x', labels: { a: '\\ " \n }', b: '' }, value: 1 }],
  },
  { name: 'a time after the value', text: 'x 1 1700000000000', want: [{ name: 'x', labels: {}, value: 1 }] },
  {
    name: 'an exemplar',
    text: 'x_bucket{le="1"} 3 # {trace="a"} 0.5',
    want: [{ name: 'x_bucket', labels: { le: '1' }, value: 3 }],
  },
  {
    name: 'infinities',
    text: 'a +Inf\nb -Inf\nc Inf',
    want: [
      { name: 'a', labels: {}, value: Number.POSITIVE_INFINITY },
      { name: 'b', labels: {}, value: Number.NEGATIVE_INFINITY },
      { name: 'c', labels: {}, value: Number.POSITIVE_INFINITY },
    ],
  },
  { name: 'NaN', text: 'a NaN', want: [{ name: 'a', labels: {}, value: Number.NaN }] },
  {
    name: 'lines that end as on Windows, tabs, and no end to the last',
    text: '# HELP a b\r\n\ta\t1\r\n\n  b  2',
    want: [
      { name: 'a', labels: {}, value: 1 },
      { name: 'b', labels: {}, value: 2 },
    ],
  },
  {
    name: 'what is right between what is broken',
    text: 'x{a="b 1\nx{a=b} 1\nx{a="b"\nx\nx one\n1x 1\n{"x"} 1\nx{="b"} 1\nx{a="b"c="d"} 1\nok 1',
    want: [{ name: 'ok', labels: {}, value: 1 }],
  },
])
  test(`reads ${c.name}`, () => assert.equal(read(c.text), c.want))

test('looks only at what is wanted', () => {
  const names = [...readExposition('a 1\nb{x="broken\nc 2', (name) => name !== 'a')].map(({ name }) => name)
  assert.equal(names, ['c'])
})

test('reads what prom-client writes, whatever stands in the labels', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme' }), fc.double({ noNaN: true }), async (label, value) => {
      // it writes a carriage return as it stands
      fc.pre(!label.includes('\r'))
      const registry = new client.Registry()
      const gauge = new client.Gauge({ name: 'x', help: 'x', labelNames: ['a'], registers: [registry] })
      gauge.set({ a: label }, value)
      assert.equal(read(await registry.metrics()), [{ name: 'x', labels: { a: label }, value: value + 0 }])
    }),
    { numRuns: 200 },
  )
})

test('throws at no text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      for (const { name } of readExposition(text)) assert.match(name, /^[a-zA-Z_:][a-zA-Z0-9_:]*$/)
    }),
  )
})

test('is linear', () => {
  const started = performance.now()
  assert.is(read(`x{${'a="\\\\",'.repeat(100_000)}`).length, 0)
  assert.is(read(`x{a="${'\\"'.repeat(500_000)}`).length, 0)
  assert.is(read(`x ${' '.repeat(1_000_000)}`).length, 0)
  assert.ok(performance.now() - started < 1_000)
})

test.run()
