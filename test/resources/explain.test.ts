import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import { explain } from '../../src/resources/explain.ts'
import { createKindRegistry } from '../../src/resources/registry.ts'
import { definitionManifest } from './fixtures.ts'

const kinds = createKindRegistry([definitionManifest()])

for (const [text, type, required, children] of [
  ['svc', 'object', true, ['apiVersion', 'kind', 'metadata', 'spec', 'status']],
  ['service.spec.template.resources', 'object', false, ['cpu', 'memory']],
  ['services.nsctl.dev.spec.storage', '[]object', false, ['name', 'path']],
  ['service.spec.storage[].path', 'string', true, []],
  ['service.spec.template.readiness.http.port', 'integer or string', true, []],
  ['service.spec.template.source.command', '[]string', true, []],
  ['service.metadata.labels', 'map[string]string', false, []],
  ['bk.spec.targets', '[]object', false, ['host', 'port']],
] as const)
  test(`explain ${text}`, () => {
    const found = explain(kinds, text)
    assert.is(found.type, type)
    assert.is(found.required, required)
    assert.equal(
      found.children.map(({ name }) => name),
      children,
    )
  })

test('a field is told with all that its schema says', () => {
  const { kind, path, description, limits, ...rest } = explain(kinds, 'service.spec.replicas')
  assert.equal([kind.kind, path, rest.default], ['Service', ['spec', 'replicas'], 1])
  assert.equal(limits, ['at least 0', 'at most 10000'])
  assert.match(description, 'How many instances')
  assert.equal(explain(kinds, 'svc.spec.template.network').enum, ['host', 'none'])
  assert.equal(explain(kinds, 'svc.spec.template.security.relax').enum?.[0], 'all')
})

test('children are told beneath children only where asked', () => {
  const top = (recursive: boolean) =>
    explain(kinds, 'svc', { recursive }).children.find(({ name }) => name === 'spec')?.children
  assert.equal(top(false), [])
  assert.ok(
    top(true)
      ?.find(({ name }) => name === 'template')
      ?.children.some(({ name }) => name === 'ports'),
  )
})

for (const [text, message, next] of [
  ['servce', 'there is no kind "servce"', 'did you mean services?'],
  ['zebra', 'there is no kind "zebra"', 'nsctl api-resources lists the kinds'],
  [
    'service.spec.tempalte.ports',
    'service.spec has no field "tempalte"',
    'did you mean service.spec.template?',
  ],
  [
    'service.spec.replicas.x',
    'service.spec.replicas has no field "x"',
    'service.spec.replicas has no fields',
  ],
  [
    'service.spec.zzz',
    'service.spec has no field "zzz"',
    'known: replicas, template, storage, unique, placement, ',
  ],
  ['service.spec.constructor', 'service.spec has no field "constructor"', 'known: '],
] as const)
  test(`explain ${text} fails well`, () => {
    try {
      explain(kinds, text)
      assert.unreachable()
    } catch (error) {
      assert.ok(isNsctlError(error, 'NotFound'), String(error))
      assert.is(error.message, message)
      assert.match(error.next ?? '', next)
    }
  })

test.run()
