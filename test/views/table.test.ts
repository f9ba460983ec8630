import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Kind } from '../../src/resources/kinds.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { columnsOf, renderRows, renderTable } from '../../src/views/table.ts'
import { createRowWriter } from '../../src/views/watch-rows.ts'
import { displayWidth, padEnd, printable, truncate } from '../../src/views/width.ts'
import { events, instances, kinds, mail, node, nowMs, volumes, web } from './fixtures.ts'
import { matchesGolden } from './golden.ts'

const service = kinds.byKind('Service')

for (const c of [
  { name: 'services', kind: 'Service', objects: [web, mail], options: {} },
  { name: 'services-wide', kind: 'Service', objects: [web, mail], options: { wide: true } },
  {
    name: 'services-labels',
    kind: 'Service',
    objects: [web, mail],
    options: { showLabels: true, showNamespace: true, showKind: true },
  },
  { name: 'instances', kind: 'Instance', objects: instances, options: {} },
  { name: 'instances-wide', kind: 'Instance', objects: instances, options: { wide: true } },
  { name: 'nodes', kind: 'Node', objects: [node], options: { showNamespace: true } },
  { name: 'volumes', kind: 'Volume', objects: volumes, options: {} },
  { name: 'events', kind: 'Event', objects: events, options: {} },
])
  test(`table of ${c.name}`, () => {
    const columns = columnsOf(kinds.byKind(c.kind), { nowMs, ...c.options })
    matchesGolden(`table/${c.name}.txt`, renderTable(c.objects, columns))
  })

test('a table without headings', () => {
  assert.is(
    renderTable([web], columnsOf(service, { nowMs }), { noHeaders: true }),
    'web   3/3   3   r7   alpha,beta   https://web.example.org   4d\n',
  )
})

test('a trailing STATUS has no heading, and no trailing spaces where it is empty', () => {
  const text = renderTable([web, mail], columnsOf(service, { nowMs }))
  assert.match(text.split('\n')[0] as string, /AGE$/)
  assert.match(text, /4d\n/)
  assert.match(text, /4d {4}Degraded: mail-1 exits 78|4d {3,}Degraded: mail-1 exits 78/)
})

test('a STATUS is cut where it is long, but not in the wide table', () => {
  const failing = { ...web, status: { ...web.status, summary: `CannotStart: ${'x'.repeat(300)}` } }
  const row = (wide: boolean) =>
    renderTable([failing as AnyResource], columnsOf(service, { nowMs, wide }), { noHeaders: true })
  assert.match(row(false), /CannotStart: x{146}…\n$/)
  assert.match(row(true), /CannotStart: x{300}\n$/)
})

test('a STATUS that does not follow AGE keeps its heading', () => {
  const text = renderTable([node], columnsOf(kinds.byKind('Node'), { nowMs }))
  assert.match(text, /^NAME +STATUS +RUNTIME/)
})

test('what has no status yet is shown as missing, in columns that awk still counts', () => {
  const { status: _status, ...fresh } = web
  const row = renderTable([fresh as AnyResource], columnsOf(service, { nowMs }), { noHeaders: true })
  assert.is(row, 'web   <none>   <none>   <none>   <none>   <none>   4d\n')
})

test('wide characters count as two cells', () => {
  const text = renderRows([
    ['NAME', 'X'],
    ['日本', 'a'],
    ['e\u0301te', 'b'],
  ])
  assert.is(text, 'NAME   X\n日本   a\ne\u0301te    b\n')
})

test('control characters of others never reach the terminal', () => {
  const evil = { ...mail, status: { ...mail.status, summary: 'a\u001b[2Jb\nc\u202ed' } } as AnyResource
  const text = renderTable([evil], columnsOf(service, { nowMs }))
  assert.not.ok(text.includes('\u001b') || text.includes('\u202e'))
  assert.match(text, /a\\x1b\[2Jb c\\u202ed\n$/)
})

test('columns of a kind of a user: JSONPath with filters, lists, missing and odd values', () => {
  const kind = {
    ...service,
    group: 'example.org',
    singular: 'job',
    columns: [
      { name: 'IMAGES', type: 'string', jsonPath: '.spec.parts[*].image' },
      { name: 'OK', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ok")].status' },
      { name: 'MAP', type: 'string', jsonPath: '.spec.map' },
      { name: 'WHEN', type: 'date', jsonPath: '.spec.when' },
      { name: 'FLAG', type: 'boolean', jsonPath: '.spec.flag' },
    ],
  } as unknown as Kind
  const object = {
    ...web,
    spec: { parts: [{ image: 'a' }, { image: 'b' }], map: { x: 1 }, when: 'never', flag: false },
    status: { conditions: [{ type: 'Ok', status: 'True' }] },
  } as unknown as AnyResource
  const columns = columnsOf(kind, { nowMs, showKind: true })
  assert.is(
    renderTable([object], columns, { noHeaders: true }),
    'job.example.org/web   a b   True   {"x":1}   <unknown>   false\n',
  )
})

test('rows of a watch stay in the columns of the first', () => {
  const writer = createRowWriter(service, { now: () => nowMs })
  const first = writer.rows([web])
  const second = writer.rows([mail])
  const at = (text: string, what: string) => {
    const line = text.split('\n').find((one) => one.includes(what)) as string
    return line.indexOf(what)
  }
  assert.is(at(second, 'tcp'), at(first, 'https'))
  assert.is(second.split('\n').length, 2, 'no second heading')
  assert.is(writer.rows([]), '')
})

test('truncate fits and never cuts a wide character in half', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (raw, cells) => {
      const text = printable(raw)
      const cut = truncate(text, cells)
      assert.ok(displayWidth(cut) <= cells || displayWidth(text) === 0)
      if (displayWidth(text) <= cells) assert.is(cut, text)
    }),
  )
})

test('printable leaves no control character, and is idempotent', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (raw) => {
      const text = printable(raw)
      assert.not.match(text, /\p{Cc}/u)
      assert.is(printable(text), text)
    }),
  )
})

test('padEnd never cuts', () => {
  assert.is(padEnd('long', 2), 'long')
  assert.is(padEnd('日', 4), '日  ')
})

test.run()
