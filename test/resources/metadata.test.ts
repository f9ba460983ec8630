import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { clone, formatPath } from '../../src/core/json.ts'
import { createKindRegistry } from '../../src/resources/registry.ts'
import { nameFault, ownPrefixIssues } from '../../src/resources/validation/metadata.ts'
import { put, serviceManifest } from './fixtures.ts'

const kinds = createKindRegistry()
const service = kinds.byKind('Service')
await service.prepare()

const a = (count: number) => 'a'.repeat(count)
const label =
  'must be a DNS label (lower-case letters, digits and -, starting and ending with a letter or digit), not '

for (const [name, path, value, wanted] of [
  ['the longest name', 'metadata.name', a(52), undefined],
  ['a name that is too long', 'metadata.name', a(53), `must have at most 52 characters, not 53: "${a(53)}"`],
  ['upper case', 'metadata.name', 'Web', `${label}"Web"`],
  ['an underscore', 'metadata.name', 'my_web', `${label}"my_web"`],
  ['a dot', 'metadata.name', 'web.shop', `${label}"web.shop"`],
  ['a dash at the end', 'metadata.name', 'web-', `${label}"web-"`],
  ['a newline at the end', 'metadata.name', 'web\n', `${label}"web\\n"`],
  ['an empty name', 'metadata.name', '', 'must not be empty'],
  ['no name', 'metadata.name', undefined, 'is required'],
  ['a number for a name', 'metadata.name', 12, 'must be a string, not the number 12 (quote it: "12")'],
  ['a namespace that is none', 'metadata.namespace', 'a/b', `${label}"a/b"`],
  ['an unknown member', 'metadata.lables', {}, 'unknown field'],
  ['labels in a list', 'metadata.labels', [], 'must be an object, not a list'],
  [
    'a label that is a number',
    'metadata.labels',
    { version: 2 },
    'must be a string, not the number 2 (quote it: "2")',
  ],
  [
    'a label with a space',
    'metadata.labels',
    { app: 'my web' },
    'must be a label value (at most 63 letters, digits, -, _ and ., starting and ending with a letter or digit), not "my web"',
  ],
  ['an empty label', 'metadata.labels', { app: '' }, undefined],
  ['a label with a prefix', 'metadata.labels', { 'acme.org/app': 'web' }, undefined],
  [
    'a prefix that is none',
    'metadata.labels',
    { 'Acme/app': 'web' },
    'the prefix before / must be a DNS name, not "Acme"',
  ],
  [
    'a key that is too long',
    'metadata.labels',
    { [a(64)]: 'x' },
    `a key must have at most 63 letters, digits, -, _ and ., starting and ending with a letter or digit: "${a(64)}"`,
  ],
  ['an annotation of any text', 'metadata.annotations', { note: 'any\ntext: ü' }, undefined],
  [
    'annotations that are too large',
    'metadata.annotations',
    { note: 'x'.repeat(70_000) },
    'must have at most 65536 bytes in all, not 70004',
  ],
  ['what the server owns', 'metadata.uid', 'x', undefined],
  ['a creation time as kubectl writes it', 'metadata.creationTimestamp', null, undefined],
] as const)
  test(`metadata with ${name}`, () => {
    const object = put(clone(serviceManifest()), path, value)
    assert.equal(
      service.validate(object).map(({ message }) => message),
      wanted === undefined ? [] : [wanted],
    )
  })

test('the fault is pointed at, with a suggestion', () => {
  const [issue] = service.validate(put(serviceManifest(), 'metadata.lables', {}))
  assert.is(formatPath(issue?.path ?? []), 'metadata.lables')
  assert.is(issue?.suggestion, 'labels')
})

test('kinds of cluster scope have no namespace, nodes and definitions may have dots', async () => {
  const namespace = kinds.byKind('Namespace')
  await namespace.prepare()
  const object = {
    apiVersion: namespace.apiVersion,
    kind: 'Namespace',
    metadata: { name: 'shop', namespace: 'x' },
  }
  assert.equal(
    namespace.validate(object).map(({ message }) => message),
    ['must be left out: objects of this kind are in no namespace'],
  )
  assert.is(nameFault('backups.acme.org', { maxLength: 253, dots: true }), undefined)
  assert.match(nameFault('a..b', { maxLength: 253, dots: true }) ?? '', 'DNS name')
})

test("nsctl's own labels may stay as they are stored, and not be set", () => {
  const stored = { labels: { 'nsctl.dev/service': 'web' } }
  assert.equal(ownPrefixIssues({ labels: { 'nsctl.dev/service': 'web', app: 'x' } }, stored), [])
  assert.equal(ownPrefixIssues({ labels: { 'nsctl.dev/service': 'api' } }, stored).length, 1)
  const [issue] = ownPrefixIssues({ annotations: { 'x.nsctl.dev/a': 'b', 'notnsctl.dev/a': 'b' } })
  assert.equal(issue?.path, ['metadata', 'annotations', 'x.nsctl.dev/a'])
})

test.run()
