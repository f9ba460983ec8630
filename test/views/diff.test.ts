import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { clone } from '../../src/core/json.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { summarizeChanges } from '../../src/views/changes.ts'
import { loadPaint } from '../../src/views/colour.ts'
import { diffSummary, renderDiff } from '../../src/views/diff.ts'
import { renderHistory, renderRevision } from '../../src/views/history.ts'
import { nowMs, revisions, web } from './fixtures.ts'
import { matchesGolden } from './golden.ts'

interface Loose {
  metadata: Record<string, unknown>
  spec: { replicas: number; template: Record<string, Record<string, unknown> & unknown[]>; storage?: unknown }
  status?: unknown
}

function changed(edit: (object: Loose) => void): AnyResource {
  const copy = clone(web) as unknown as Loose
  edit(copy)
  return copy as unknown as AnyResource
}

for (const c of [
  {
    name: 'one field',
    merged: changed((o) => {
      o.spec.template.resources!.memory = '192Mi' as never
    }),
  },
  {
    name: 'several fields',
    merged: changed((o) => {
      o.spec.replicas = 5
      o.spec.template.source!.command = ['node', 'other.js', '--name', 'a b'] as never
      o.spec.template.env!.push({ name: 'NEW', value: 'x' })
      delete o.spec.template.limits
      o.metadata.labels = { tier: 'frontend', app: 'web', team: 'ada' }
    }),
  },
  { name: 'something new', live: undefined, merged: web },
  { name: 'something gone', merged: undefined },
])
  test(`renderDiff shows ${c.name}`, async () => {
    const live = 'live' in c ? c.live : web
    const text = await renderDiff({
      name: 'service/web',
      source: 'shop/web.yaml',
      ...(live === undefined ? {} : { live }),
      ...(c.merged === undefined ? {} : { merged: c.merged }),
    })
    matchesGolden(`diff/${c.name.replaceAll(' ', '-')}.txt`, text)
  })

test('status and what the server owns are no difference', async () => {
  const merged = changed((o) => {
    o.status = { ready: '0/3' }
    o.metadata.resourceVersion = '1000'
    o.metadata.generation = 9
  })
  assert.is(await renderDiff({ name: 'service/web', live: web, merged, source: 'x' }), '')
})

test('the diff is coloured only where asked', async () => {
  const merged = changed((o) => {
    o.spec.replicas = 4
  })
  const input = { name: 'service/web', live: web, merged, source: 'x' }
  assert.not.ok((await renderDiff(input)).includes('\u001b'))
  const coloured = await renderDiff(input, { paint: await loadPaint(true) })
  assert.ok(coloured.includes('\u001b[31m-  replicas: 3\u001b[39m'), coloured)
  assert.ok(coloured.includes('\u001b[32m+  replicas: 4\u001b[39m'))
})

for (const c of [
  { want: '1 service changes: 3 instances would be replaced, 1 at a time', outcome: [0, 1, 3, 1, 'service'] },
  { want: '2 services change: 1 instance would be replaced, 2 at a time', outcome: [0, 2, 1, 2, 'service'] },
  { want: '1 object would be created', outcome: [1, 0, 0, 0, 'object'] },
  {
    want: '2 objects would be created; 1 object changes: no instance would be replaced',
    outcome: [2, 1, 0, 0, 'object'],
  },
] as const)
  test(`diffSummary says "${c.want}"`, () => {
    const [created, changedCount, replaced, atATime, noun] = c.outcome
    assert.is(diffSummary({ created, changed: changedCount, replaced, atATime, noun }), c.want)
  })

const memory = { path: ['spec', 'template', 'resources', 'memory'], from: '128Mi', to: '96Mi' }
for (const c of [
  { name: 'a field', changes: [memory], want: 'memory 128Mi → 96Mi' },
  {
    name: 'a field and that the program stays',
    changes: [memory],
    source: true,
    want: 'memory 128Mi → 96Mi, source unchanged',
  },
  {
    name: 'a new program',
    changes: [{ path: ['spec', 'template', 'source', 'command'], from: ['a'], to: ['b', 'c'] }],
    source: true,
    want: 'command [a] → [b, c]',
  },
  { name: 'nothing', changes: [], want: 'no change' },
  {
    name: 'whole maps by their members',
    changes: [
      {
        path: ['spec', 'template', 'resources'],
        from: { memory: '1Gi', cpu: '1' },
        to: { memory: '2Gi', cpu: '1' },
      },
    ],
    want: 'memory 1Gi → 2Gi',
  },
  {
    name: 'fields of one name by what stands before it',
    changes: [memory, { path: ['spec', 'limits', 'memory'], from: '1Gi' }],
    want: 'resources.memory 128Mi → 96Mi, limits.memory 1Gi removed',
  },
  {
    name: 'items of lists',
    changes: [
      { path: ['spec', 'env', 0, 'value'], from: 'a', to: 'b' },
      { path: ['spec', 'env', 1, 'value'], to: '' },
    ],
    want: 'env[0] a → b, env[1] "" added',
  },
  {
    name: 'items of lists by their names',
    changes: [
      { path: ['spec', 'template', 'env', 0, 'value'], from: 'info', to: 'debug' },
      { path: ['spec', 'template', 'env', 1], to: { name: 'NEW', value: 'x' } },
      { path: ['spec', 'template', 'ports', 3], from: { name: 'old', port: 80, protocol: 'TCP' } },
      { path: ['spec', 'template', 'ports', 0, 'port'], from: 81, to: 82 },
    ],
    within: web,
    want: 'env.LOG_LEVEL info → debug, env.NEW x added, ports.old {"port":80,"protocol":"TCP"} removed, port 81 → 82',
  },
  {
    name: 'no more than four',
    changes: [1, 2, 3, 4, 5, 6].map((n) => ({ path: ['spec', `f${n}`], to: n })),
    want: 'f1 1 added, f2 2 added, f3 3 added, f4 4 added, and 2 more',
  },
])
  test(`summarizeChanges names ${c.name}`, () => {
    assert.is(summarizeChanges(c.changes, { mentionSource: c.source ?? false, within: c.within }), c.want)
  })

test('history', () => {
  matchesGolden('history/list.txt', renderHistory(revisions, nowMs, { current: 7, stable: 6 }))
})

test('one revision in full', () => {
  const record = revisions[0]!
  matchesGolden(
    'history/revision.txt',
    renderRevision('service/web', record, 'replicas: 3\ntemplate:\n  a: 1\n', nowMs),
  )
})

test.run()
