import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import type { Kind } from '../../src/resources/kinds.ts'
import { parseManifests } from '../../src/resources/manifest.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { parseFormat, printObjects } from '../../src/views/output.ts'
import { compareText, sortObjects } from '../../src/views/sort.ts'
import { instances, kinds, mail, nowMs, web } from './fixtures.ts'
import { matchesGolden } from './golden.ts'

const service = kinds.byKind('Service')
const both = [{ kind: service, items: [web, mail] }]
const one = [{ kind: service, items: [web] }]

for (const c of [
  { name: 'one as json', format: 'json', groups: one, single: true },
  { name: 'a list as json', format: 'json', groups: both },
  { name: 'one as yaml', format: 'yaml', groups: one, single: true },
  { name: 'a list as yaml', format: 'yaml', groups: both },
  { name: 'names', format: 'name', groups: both },
  {
    name: 'jsonpath',
    format: 'jsonpath={range .items[*]}{.metadata.name}={.spec.replicas}{"\\n"}{end}',
    groups: both,
  },
  {
    name: 'columns',
    format:
      'custom-columns=NAME:.metadata.name,READY:{.status.ready},NONE:.nope,C:.status.conditions[*].type',
    groups: both,
  },
  {
    name: 'several kinds',
    format: 'table',
    groups: [
      ...both,
      { kind: kinds.byKind('Instance'), items: instances },
      { kind: kinds.byKind('Node'), items: [] },
    ],
  },
])
  test(`printObjects prints ${c.name}`, async () => {
    const text = await printObjects(c.groups, {
      format: parseFormat(c.format),
      nowMs,
      ...(c.single ? { single: true } : {}),
    })
    matchesGolden(`output/${c.name.replaceAll(' ', '-')}.txt`, text)
  })

for (const format of ['json', 'yaml'])
  test(`${format} round-trips through the manifest parser`, async () => {
    const text = await printObjects(both, { format: parseFormat(format), nowMs })
    const manifests = await parseManifests(text, { source: 'stdin' })
    assert.equal(
      manifests.map((manifest) => manifest.object),
      [web, mail],
    )
  })

test('-o name says the group of kinds that are not ours', async () => {
  const kind = { ...service, group: 'example.org', singular: 'job' } as Kind
  assert.is(
    await printObjects([{ kind, items: [web] }], { format: parseFormat('name'), nowMs }),
    'job.example.org/web\n',
  )
})

for (const c of [
  { text: 'xml', message: /unknown output format "xml"/, next: /table, wide, yaml, json, name, jsonpath=/ },
  { text: 'json=x', message: /unknown output format/, next: /table/ },
  { text: 'jsonpath', message: /needs something/, next: /jsonpath=/ },
  { text: 'jsonpath=', message: /needs something/, next: /jsonpath=/ },
  { text: 'custom-columns=', message: /needs something/, next: /custom-columns=/ },
  { text: 'custom-columns=NAME', message: /not a column: "NAME"/, next: /NAME:\.metadata\.name/ },
  { text: 'custom-columns=NAME:', message: /not a column/, next: /NAME:\.metadata\.name/ },
])
  test(`-o ${c.text} is refused with what there is`, () => {
    try {
      parseFormat(c.text)
      assert.unreachable()
    } catch (error) {
      assert.ok(isNsctlError(error, 'Usage'))
      assert.match(error.message, c.message)
      assert.match(error.next ?? '', c.next)
    }
  })

test('a comma inside brackets does not end a custom column', () => {
  const format = parseFormat("custom-columns=A:.spec['a,b'],B:.x")
  assert.equal(format, {
    kind: 'custom-columns',
    columns: [
      { heading: 'A', path: ".spec['a,b']" },
      { heading: 'B', path: '.x' },
    ],
  })
})

function named(name: string, spec: Record<string, unknown>): AnyResource {
  return { apiVersion: 'v1', kind: 'X', metadata: { name }, spec } as unknown as AnyResource
}

for (const c of [
  { name: 'numbers by size', values: [10, 9, 100], want: [9, 10, 100] },
  {
    name: 'text with numbers in it',
    values: ['web-10', 'web-2', 'web-1'],
    want: ['web-1', 'web-2', 'web-10'],
  },
  { name: 'memory', values: ['1Gi', '128Mi', '200M'], want: ['128Mi', '200M', '1Gi'] },
  { name: 'cpu', values: ['2', '500m', '1500m'], want: ['500m', '1500m', '2'] },
  { name: 'what is missing first', values: [2, undefined, 1], want: [undefined, 1, 2] },
  {
    name: 'timestamps',
    values: ['2026-01-02T00:00:00Z', '2025-01-02T00:00:00Z'],
    want: ['2025-01-02T00:00:00Z', '2026-01-02T00:00:00Z'],
  },
])
  test(`--sort-by orders ${c.name}`, () => {
    const objects = c.values.map((value, i) => named(`o${i}`, { value }))
    assert.equal(
      sortObjects(objects, '.spec.value').map((object) => object.spec?.value),
      c.want,
    )
  })

test('--sort-by keeps the order of equal objects and refuses maps', () => {
  const objects = [named('b', { v: 1 }), named('a', { v: 1 })]
  assert.equal(
    sortObjects(objects, '{.spec.v}').map((object) => object.metadata.name),
    ['b', 'a'],
  )
  assert.throws(() => sortObjects(objects, '.spec'), /leads to a map/)
  assert.ok(compareText('a', 'a1') < 0)
})

test.run()
