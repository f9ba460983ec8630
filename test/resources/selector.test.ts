import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import type { JsonSchema } from '../../src/resources/schema.ts'
import { parseFieldSelector, parseSelector } from '../../src/resources/selector.ts'

const web = {
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Service',
  metadata: {
    name: 'web',
    namespace: 'shop',
    labels: { app: 'web', tier: 'front', 'acme.org/team': 'a.b', empty: '' },
  },
  spec: { replicas: 3, ports: [{ name: 'http' }] },
  status: { phase: 'Running' },
} satisfies AnyResource

for (const [text, wanted] of [
  ['', true],
  ['app=web', true],
  ['app==web', true],
  ['app = web , tier=front', true],
  ['app=web,tier=back', false],
  ['app!=web', false],
  ['missing!=web', true],
  ['acme.org/team=a.b', true],
  ['empty=', true],
  ['app in (api, web)', true],
  ['app in (api)', false],
  ['app notin (api)', true],
  ['missing notin (x)', true],
  ['app in (api,web),tier notin (back,db)', true],
  ['app', true],
  ['missing', false],
  ['!missing', true],
  ['!app', false],
  ['constructor', false],
] as const)
  test(`label selector ${text || '(empty)'}`, () => assert.is(parseSelector(text)(web), wanted))

for (const text of ['a=b,', 'a in (b', 'a b', '=x', 'a=b=c', 'a=-x', '-a', 'a/b/c=d', 'a in b', 'a>1'])
  test(`not a label selector: ${text}`, () => {
    try {
      parseSelector(text)
      assert.unreachable()
    } catch (error) {
      assert.ok(isNsctlError(error, 'Usage'), String(error))
      assert.match(error.message, JSON.stringify(text))
      assert.match(error.next ?? '', 'app=web')
    }
  })

test('no labels at all', () => {
  const bare = { apiVersion: 'v', kind: 'K', metadata: { name: 'x' } } satisfies AnyResource
  assert.is(parseSelector('!app')(bare), true)
  assert.is(parseSelector('app')(bare), false)
})

for (const [text, wanted] of [
  ['', true],
  ['metadata.name=web', true],
  ['.metadata.name==web', true],
  ['metadata.name!=web', false],
  ['metadata.name=web,status.phase=Running', true],
  ['metadata.name=web,status.phase!=Running', false],
  ['spec.replicas=3', true],
  ['spec.ports[0].name=http', true],
  ['status.missing=', true],
  ['status.missing!=x', true],
  ['status.missing=x', false],
] as const)
  test(`field selector ${text || '(empty)'}`, () => assert.is(parseFieldSelector(text)(web), wanted))

test('a field that no schema has is refused, and one that a schema leaves open is not', () => {
  const closed: JsonSchema = {
    type: 'object',
    properties: { spec: { type: 'object', properties: { replicas: {} } } },
  }
  const open: JsonSchema = {
    type: 'object',
    properties: { spec: { 'x-kubernetes-preserve-unknown-fields': true } },
  }
  assert.throws(() => parseFieldSelector('spec.replcas=3', [closed]), /there is no field spec\.replcas/)
  assert.throws(() => parseFieldSelector('foo=bar', [closed, open]), /there is no field foo/)
  for (const field of ['spec.replicas', 'metadata.name', 'kind'])
    assert.type(parseFieldSelector(`${field}=3`, [closed]), 'function')
  assert.type(parseFieldSelector('spec.replcas=3', [closed, open]), 'function')
})

test('a field selector that is none, and one on an object', () => {
  assert.throws(() => parseFieldSelector('metadata.name'), /no field=value/)
  assert.throws(() => parseFieldSelector('a..b=c'), /is no field/)
  assert.throws(() => parseFieldSelector('spec.ports=x')(web), /holds a list/)
})

test.run()
