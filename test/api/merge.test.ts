import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mergeApplied, withoutNulls } from '../../src/api/merge.ts'
import { clone, deepEqual } from '../../src/core/json.ts'
import type { JsonSchema } from '../../src/resources/schema.ts'

const schema: JsonSchema = {
  type: 'object',
  properties: {
    maybe: { type: 'string', nullable: true },
    env: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: { type: 'object', properties: { name: { type: 'string' }, value: { type: 'string' } } },
    },
    ports: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port', 'protocol'],
      items: {
        type: 'object',
        properties: { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' } },
      },
    },
    tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    command: { type: 'array', items: { type: 'string' } },
  },
}

const env = (...names: string[]) => names.map((name) => ({ name, value: name.toUpperCase() }))

for (const { name, last, live, wanted, want } of [
  { name: 'takes what is new', last: {}, live: {}, wanted: { a: 1 }, want: { a: 1 } },
  { name: 'changes what is there', last: { a: 1 }, live: { a: 1 }, wanted: { a: 2 }, want: { a: 2 } },
  {
    name: 'leaves alone what never was applied',
    last: {},
    live: { a: 1, b: 2 },
    wanted: { a: 1 },
    want: { a: 1, b: 2 },
  },
  {
    name: 'removes what was applied and is gone',
    last: { a: 1, b: 2 },
    live: { a: 1, b: 2 },
    wanted: { a: 1 },
    want: { a: 1 },
  },
  {
    name: 'removes what was applied with all beneath it',
    last: { http: { port: 80 } },
    live: { http: { port: 80, path: '/' } },
    wanted: { tcp: { port: 80 } },
    want: { tcp: { port: 80 } },
  },
  {
    name: 'repairs what was changed by hand',
    last: { a: 1 },
    live: { a: 9 },
    wanted: { a: 1 },
    want: { a: 1 },
  },
  {
    name: 'brings back what was removed by hand',
    last: { a: 1 },
    live: {},
    wanted: { a: 1 },
    want: { a: 1 },
  },
  {
    name: 'removes by an explicit null what it never applied',
    last: {},
    live: { a: 1, b: 2 },
    wanted: { a: null },
    want: { b: 2 },
  },
  {
    name: 'removes by an explicit null inside',
    last: {},
    live: { m: { a: 1, b: 2 } },
    wanted: { m: { a: null } },
    want: { m: { b: 2 } },
  },
  {
    name: 'leaves alone what others set where it once said null',
    last: { a: null },
    live: { a: 1 },
    wanted: {},
    want: { a: 1 },
  },
  {
    name: 'stores a null that the schema knows',
    last: {},
    live: { maybe: 'x' },
    wanted: { maybe: null },
    want: { maybe: null },
  },
  {
    name: 'replaces atomic lists',
    last: { command: ['a', 'b'] },
    live: { command: ['a', 'b', 'c'] },
    wanted: { command: ['x'] },
    want: { command: ['x'] },
  },
  {
    name: 'merges keyed lists: the manifest first and in its order, strangers behind, what it dropped gone',
    last: { env: env('a', 'b') },
    live: { env: env('hand', 'a', 'b') },
    wanted: { env: env('c', 'a') },
    want: { env: env('c', 'a', 'hand') },
  },
  {
    name: 'merges inside the items of keyed lists',
    last: { env: [{ name: 'a', value: 'A' }] },
    live: { env: [{ name: 'a', value: 'A', note: 'hand' }] },
    wanted: { env: [{ name: 'a', value: 'B' }] },
    want: { env: [{ name: 'a', value: 'B', note: 'hand' }] },
  },
  {
    name: 'knows an item by a key that is a default',
    last: {},
    live: { ports: [{ port: 80, protocol: 'TCP', note: 'kept' }] },
    wanted: { ports: [{ port: 80 }] },
    want: { ports: [{ port: 80, protocol: 'TCP', note: 'kept' }] },
  },
  {
    name: 'replaces a keyed list whose keys are ambiguous',
    last: {},
    live: { env: env('a', 'a') },
    wanted: { env: env('b') },
    want: { env: env('b') },
  },
  {
    name: 'merges sets',
    last: { tags: ['a', 'b'] },
    live: { tags: ['hand', 'a', 'b'] },
    wanted: { tags: ['c', 'a'] },
    want: { tags: ['c', 'a', 'hand'] },
  },
  { name: 'replaces a map by a value', last: {}, live: { a: { b: 1 } }, wanted: { a: 1 }, want: { a: 1 } },
  {
    name: 'replaces a value by a map',
    last: { a: 1 },
    live: { a: 1 },
    wanted: { a: { b: 1 } },
    want: { a: { b: 1 } },
  },
])
  test(`mergeApplied ${name}`, () => assert.equal(mergeApplied(last, live, wanted, schema), want))

test('mergeApplied takes __proto__ for a plain member', () => {
  const wanted = JSON.parse('{"m": {"__proto__": {"polluted": true}}}')
  const merged = mergeApplied({}, { m: { a: 1 } }, wanted, undefined) as { m: object }
  assert.is(({} as { polluted?: boolean }).polluted, undefined)
  assert.equal(Object.keys(merged.m), ['a', '__proto__'])
})

test('withoutNulls shares what holds no null', () => {
  const value = { a: { b: [1, { c: 2 }] } }
  assert.is(withoutNulls(value, undefined), value)
  assert.equal(withoutNulls({ a: { b: null, c: 1 }, l: [{ x: null }] }, undefined), { a: { c: 1 }, l: [{}] })
})

/** Objects of the schema's shape, small enough to collide. */
const arbitrary = fc.record(
  {
    a: fc.oneof(
      fc.integer({ min: 0, max: 2 }),
      fc.record({ x: fc.nat(1), y: fc.nat(1) }, { requiredKeys: [], noNullPrototype: true }),
    ),
    b: fc.nat(2),
    env: fc.uniqueArray(
      fc.record(
        { name: fc.constantFrom('p', 'q', 'r'), value: fc.constantFrom('1', '2') },
        { noNullPrototype: true },
      ),
      {
        selector: (item) => item.name,
      },
    ),
    tags: fc.uniqueArray(fc.constantFrom('s', 't', 'u')),
    command: fc.array(fc.constantFrom('x', 'y'), { maxLength: 3 }),
  },
  { requiredKeys: [], noNullPrototype: true },
)

function appliedTwiceIsUnchanged(merge: typeof mergeApplied): void {
  fc.assert(
    fc.property(arbitrary, arbitrary, arbitrary, (last, live, wanted) => {
      const once = merge(last, live, wanted, schema)
      assert.ok(deepEqual(merge(wanted, once, wanted, schema), once))
    }),
  )
}

test('mergeApplied: applying twice is applying once', () => {
  appliedTwiceIsUnchanged(mergeApplied)
  // a checker that cannot fail is none: a merge that counts how often it ran
  let runs = 0
  assert.throws(() => appliedTwiceIsUnchanged(() => ({ runs: runs++ })))
})

test('mergeApplied: what the manifest says holds', () => {
  fc.assert(
    fc.property(arbitrary, arbitrary, arbitrary, (last, live, wanted) => {
      const merged = mergeApplied(last, live, wanted, schema) as typeof wanted
      assert.is(merged.b, wanted.b ?? (last.b === undefined ? live.b : undefined))
      if (wanted.command !== undefined) assert.equal(merged.command, wanted.command)
      for (const item of wanted.env ?? [])
        assert.equal(
          merged.env?.find((one) => one.name === item.name),
          item,
        )
      assert.equal(merged.tags?.slice(0, wanted.tags?.length ?? 0) ?? [], wanted.tags ?? [])
    }),
  )
})

test('mergeApplied: what nobody applied survives, and nothing is invented', () => {
  fc.assert(
    fc.property(arbitrary, arbitrary, (live, wanted) => {
      const merged = mergeApplied({}, live, wanted, schema) as Record<string, unknown>
      for (const key in live) assert.ok(key in merged)
      for (const key in merged) assert.ok(key in live || key in wanted)
      const names = (list: unknown) => ((list ?? []) as { name: string }[]).map((item) => item.name)
      assert.equal(new Set(names(merged.env)), new Set([...names(live.env), ...names(wanted.env)]))
    }),
  )
})

test('mergeApplied: changes none of its arguments', () => {
  fc.assert(
    fc.property(arbitrary, arbitrary, arbitrary, (last, live, wanted) => {
      const before = clone({ last, live, wanted })
      mergeApplied(last, live, wanted, schema)
      assert.equal({ last, live, wanted }, before)
    }),
  )
})

test.run()
