import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { clone } from '../../../src/core/json.ts'
import type { JsonSchema } from '../../../src/resources/schema.ts'
import { compileDefaults } from '../../../src/resources/validation/defaults.ts'
import { type FilledNotes, filledText, withoutFilled } from '../../../src/resources/validation/filled.ts'

const leaf: JsonSchema = { type: 'object', properties: { a: { default: 1 }, b: { type: 'string' } } }
const schema: JsonSchema = {
  type: 'object',
  properties: {
    plain: { type: 'string' },
    mode: { type: 'string', default: 'fast' },
    whole: { type: 'object', default: {}, properties: { x: { default: true }, y: { type: 'string' } } },
    list: { type: 'array', items: leaf },
    map: {
      type: 'object',
      additionalProperties: {
        ...leaf,
        properties: { ...leaf.properties, list: { type: 'array', items: leaf } },
      },
    },
    'odd.name,{}"': { default: 'odd' },
    deep: { type: 'object', properties: { er: { type: 'object', properties: { est: leaf } } } },
  },
}
const fill = compileDefaults(schema)!

function filled(value: unknown): { readonly value: unknown; readonly notes: string } {
  const notes: FilledNotes = []
  return { value: fill(value, notes), notes: filledText(notes) }
}

test('names what was filled in, in the order of the schema', () => {
  assert.is(
    filled({ list: [{ a: 2 }, {}], map: { k: {} }, deep: { er: {} } }).notes,
    'mode,whole,list{1{a,}}map{k{a,}}"odd.name,{}\\"",',
  )
  assert.is(filled({ mode: 'slow', whole: { x: false }, 'odd.name,{}"': 1 }).notes, '')
  assert.is(filled({ mode: 'slow', whole: {}, 'odd.name,{}"': 1 }).notes, 'whole{x,}')
})

const key = fc.oneof(
  fc.constantFrom('a', 'k', '', '0', '}', '{', ',', '"', '\\', '__proto__', 'ü \ud800'),
  fc.string(),
)
const leaves = fc.record({ a: fc.integer(), b: fc.string(), c: fc.jsonValue() }, { requiredKeys: [] })
const inMap = fc.record({ a: fc.integer(), list: fc.array(leaves) }, { requiredKeys: [] })
/** As a parser makes it. */
const asParsed = (value: unknown) => JSON.parse(JSON.stringify(value))

const values = fc
  .record(
    {
      plain: fc.string(),
      mode: fc.constantFrom('fast', 'slow', null),
      whole: fc.oneof(fc.record({ x: fc.boolean(), y: fc.string() }, { requiredKeys: [] }), fc.jsonValue()),
      list: fc.oneof(fc.array(fc.oneof(leaves, fc.jsonValue())), fc.jsonValue()),
      map: fc.oneof(fc.dictionary(key, inMap), fc.jsonValue()),
      deep: fc.record({ er: fc.record({ est: leaves }, { requiredKeys: [] }) }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  )
  .map(asParsed)

test('without what was filled in, any value is what it was', () => {
  fc.assert(
    fc.property(values, (value) => {
      const { value: whole, notes } = filled(value)
      const before = clone(whole)
      assert.equal(withoutFilled(whole, notes), value)
      assert.equal(whole, before)
    }),
    { numRuns: 2_000 },
  )
})

test('what has gone since is passed over', () => {
  const { notes } = filled({ list: [{}, {}], map: { k: {} } })
  assert.equal(withoutFilled({ list: [{}], plain: 'x' }, notes), { list: [{}], plain: 'x' })
  assert.equal(withoutFilled({ list: 'gone', map: null }, notes), { list: 'gone', map: null })
})

test.run()
