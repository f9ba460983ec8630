import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { applyPatch, jsonPatch, mergePatch } from '../../src/api/patch.ts'
import { isNsctlError } from '../../src/core/errors.ts'
import type { Json } from '../../src/core/json.ts'
import type { JsonSchema } from '../../src/resources/schema.ts'

// The examples of RFC 7386, appendix A
for (const [target, patch, want] of [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
] as const)
  test(`mergePatch ${JSON.stringify(target)} with ${JSON.stringify(patch)}`, () =>
    assert.equal(mergePatch(target, patch), want))

// After RFC 6902, appendix A
for (const { name, target, patch, want } of [
  {
    name: 'adds a member',
    target: { foo: 'bar' },
    patch: [{ op: 'add', path: '/baz', value: 'qux' }],
    want: { foo: 'bar', baz: 'qux' },
  },
  {
    name: 'adds an item',
    target: { foo: ['bar', 'baz'] },
    patch: [{ op: 'add', path: '/foo/1', value: 'qux' }],
    want: { foo: ['bar', 'qux', 'baz'] },
  },
  {
    name: 'adds an item at the end',
    target: { foo: ['bar'] },
    patch: [{ op: 'add', path: '/foo/-', value: ['abc'] }],
    want: { foo: ['bar', ['abc']] },
  },
  {
    name: 'adds over what is there',
    target: { foo: 1 },
    patch: [{ op: 'add', path: '/foo', value: 2 }],
    want: { foo: 2 },
  },
  {
    name: 'removes a member',
    target: { baz: 'qux', foo: 'bar' },
    patch: [{ op: 'remove', path: '/baz' }],
    want: { foo: 'bar' },
  },
  {
    name: 'removes an item',
    target: { foo: ['a', 'b', 'c'] },
    patch: [{ op: 'remove', path: '/foo/1' }],
    want: { foo: ['a', 'c'] },
  },
  {
    name: 'replaces',
    target: { baz: 'qux' },
    patch: [{ op: 'replace', path: '/baz', value: 'boo' }],
    want: { baz: 'boo' },
  },
  {
    name: 'moves a value',
    target: { foo: { bar: 'x' }, qux: {} },
    patch: [{ op: 'move', from: '/foo/bar', path: '/qux/thud' }],
    want: { foo: {}, qux: { thud: 'x' } },
  },
  {
    name: 'moves an item',
    target: { foo: ['all', 'grass', 'cows', 'eat'] },
    patch: [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
    want: { foo: ['all', 'cows', 'eat', 'grass'] },
  },
  {
    name: 'copies',
    target: { a: { b: 1 } },
    patch: [{ op: 'copy', from: '/a', path: '/c' }],
    want: { a: { b: 1 }, c: { b: 1 } },
  },
  {
    name: 'goes on after a test that holds',
    target: { a: 1 },
    patch: [
      { op: 'test', path: '/a', value: 1 },
      { op: 'remove', path: '/a' },
    ],
    want: {},
  },
  {
    name: 'reads ~1 and ~0',
    target: { 'a/b': 1, 'm~n': 2 },
    patch: [
      { op: 'remove', path: '/a~1b' },
      { op: 'replace', path: '/m~0n', value: 3 },
    ],
    want: { 'm~n': 3 },
  },
  {
    name: 'ignores members it does not know',
    target: {},
    patch: [{ op: 'add', path: '/a', value: 1, xyz: 2 }],
    want: { a: 1 },
  },
  {
    name: 'replaces the whole',
    target: { a: 1 },
    patch: [{ op: 'replace', path: '', value: { b: 2 } }],
    want: { b: 2 },
  },
])
  test(`jsonPatch ${name}`, () => assert.equal(jsonPatch(target, patch as Json), want))

for (const { name, target, patch, code, message } of [
  {
    name: 'a test that fails',
    target: { a: 1 },
    patch: [{ op: 'test', path: '/a', value: 2 }],
    code: 'Conflict',
    message: /the test of \/a failed: it is 1/,
  },
  {
    name: 'a member that is not there',
    target: {},
    patch: [{ op: 'remove', path: '/a' }],
    code: 'Invalid',
    message: /operation 1 .* nothing at \/a/,
  },
  {
    name: 'a parent that is not there',
    target: {},
    patch: [{ op: 'add', path: '/a/b', value: 1 }],
    code: 'Invalid',
    message: /nothing at \/a/,
  },
  {
    name: 'a position beyond the list',
    target: { l: [1] },
    patch: [{ op: 'add', path: '/l/2', value: 1 }],
    code: 'Invalid',
    message: /"2" is no position in a list of 1/,
  },
  {
    name: 'a leading zero',
    target: { l: [1, 2] },
    patch: [{ op: 'replace', path: '/l/01', value: 1 }],
    code: 'Invalid',
    message: /"01" is no position/,
  },
  {
    name: 'an unknown operation',
    target: {},
    patch: [{ op: 'merge', path: '/a' }],
    code: 'Invalid',
    message: /not "merge"/,
  },
  {
    name: 'a missing value',
    target: {},
    patch: [{ op: 'add', path: '/a' }],
    code: 'Invalid',
    message: /must have "value"/,
  },
  {
    name: 'a move into itself',
    target: { a: {} },
    patch: [{ op: 'move', from: '/a', path: '/a/b' }],
    code: 'Invalid',
    message: /into itself/,
  },
  {
    name: 'a path without a slash',
    target: {},
    patch: [{ op: 'add', path: 'a', value: 1 }],
    code: 'Invalid',
    message: /must start with \//,
  },
  {
    name: 'an object for a list',
    target: {},
    patch: { op: 'add' },
    code: 'Invalid',
    message: /must be a list of operations/,
  },
  {
    name: 'an inherited member',
    target: {},
    patch: [{ op: 'test', path: '/constructor', value: 1 }],
    code: 'Invalid',
    message: /nothing at/,
  },
] as const)
  test(`jsonPatch refuses ${name}`, () => {
    const before = JSON.stringify(target)
    assert.throws(
      () => jsonPatch(target, patch as unknown as Json),
      (error: unknown) => isNsctlError(error, code) && message.test(error.message),
    )
    assert.is(JSON.stringify(target), before)
  })

const schema: JsonSchema = {
  properties: {
    env: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: {},
    },
  },
}

for (const { name, target, patch, want } of [
  {
    name: 'merges items by their key',
    target: {
      env: [
        { name: 'a', v: 1 },
        { name: 'b', v: 2 },
      ],
    },
    patch: {
      env: [
        { name: 'b', v: 3 },
        { name: 'c', v: 4 },
      ],
    },
    want: {
      env: [
        { name: 'a', v: 1 },
        { name: 'b', v: 3 },
        { name: 'c', v: 4 },
      ],
    },
  },
  {
    name: 'deletes an item',
    target: { env: [{ name: 'a' }, { name: 'b' }] },
    patch: { env: [{ name: 'a', $patch: 'delete' }] },
    want: { env: [{ name: 'b' }] },
  },
  { name: 'deletes a member by null', target: { a: 1, b: 2 }, patch: { a: null }, want: { b: 2 } },
  {
    name: 'replaces a map where told to',
    target: { m: { a: 1, b: 2 } },
    patch: { m: { c: 3, $patch: 'replace' } },
    want: { m: { c: 3 } },
  },
  {
    name: 'replaces lists without keys',
    target: { list: [1, 2] },
    patch: { list: [3] },
    want: { list: [3] },
  },
])
  test(`a strategic patch ${name}`, () => assert.equal(applyPatch(target, 'strategic', patch, schema), want))

test('a merge patch that is no object is refused', () => {
  assert.throws(
    () => applyPatch({}, 'merge', ['a'], {}),
    (error: unknown) =>
      isNsctlError(error, 'Invalid') && error.message.includes('must be an object, not ["a"]'),
  )
})

test('jsonPatch never throws anything but an NsctlError and leaves its argument alone', () => {
  const pointer = fc.constantFrom('', '/a', '/a/0', '/a/-', '/b', '/b/c', '/__proto__', '/a/b/c', 'x')
  const step = fc.record(
    {
      op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'),
      path: pointer,
      from: pointer,
      value: fc.jsonValue(),
    },
    { requiredKeys: ['op', 'path'] },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 5 }), (patch) => {
      const target = { a: [1, { x: 2 }], b: { c: 3 } }
      const before = JSON.stringify(target)
      try {
        jsonPatch(target, patch as unknown as Json)
      } catch (error) {
        assert.ok(isNsctlError(error), String(error))
      }
      assert.is(JSON.stringify(target), before)
      assert.is(Object.getPrototypeOf({}), Object.prototype)
    }),
  )
})

test.run()
