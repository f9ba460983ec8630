import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Client } from '../../src/client/client.ts'
import type { Kind } from '../../src/resources/kinds.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { describeObject } from '../../src/views/describe/describe.ts'
import { type Description, gatherDescription } from '../../src/views/describe/description.ts'
import {
  ago,
  events,
  instances,
  kinds,
  mail,
  mail1,
  node,
  nowMs,
  revisions,
  volumes,
  web,
  web2,
} from './fixtures.ts'
import { matchesGolden } from './golden.ts'

/** A client that holds the shop. */
const shop = {
  kinds,
  listAll: async (wanted: readonly Kind[]) => ({
    revision: 1,
    lists: wanted.map((kind) => ({ Event: events, Instance: instances, Volume: volumes })[kind.kind] ?? []),
  }),
  history: async () => revisions,
} as unknown as Client

async function page(object: AnyResource, more: Partial<Description> = {}): Promise<string> {
  const kind = more.kind ?? kinds.byKind(object.kind)
  return describeObject({ ...(await gatherDescription(shop, kind, object, nowMs)), ...more })
}

const bare = {
  apiVersion: 'nsctl.dev/v1alpha1',
  metadata: { name: 'new', namespace: 'shop', creationTimestamp: ago(1) },
}
const job = {
  ...bare,
  kind: 'Job',
  metadata: {
    ...bare.metadata,
    annotations: { note: 'two words' },
    deletionTimestamp: ago(2),
    finalizers: ['a/b'],
  },
  spec: { schedule: '0 * * * *', parts: [{ a: 1 }, { a: 2 }] },
  status: {
    conditions: [{ type: 'Ok', status: 'True', reason: 'Fine', lastTransitionTime: ago(5) }],
    runs: 3,
  },
} as unknown as AnyResource

const abandoned = {
  ...web,
  metadata: { ...web.metadata, managedFields: [{ manager: 'scaledobject/web', fields: ['spec.replicas'] }] },
  status: {
    ...web.status,
    replicas: 4,
    updatedReplicas: 1,
    stableRevision: 6,
    failedHash: 'zzzzzzzzzz',
    failedReason: 'web-0 was not ready within 60s',
  },
} as AnyResource

/** The instances as Consul has them: two are told of, one is not. */
const registered = (instances as readonly AnyResource[]).map((one, index) => {
  const message =
    index === 0
      ? 'Consul at 127.0.0.1:8500 does not tell of it: HTTP 503'
      : 'as web--shop.service.consul in Consul at 127.0.0.1:8500'
  const condition = { type: 'Registered', status: index === 0 ? 'False' : 'True', reason: 'X', message }
  return { ...one, status: { ...one.status, conditions: [condition] } } as AnyResource
})

for (const [name, status, annotations, said] of [
  [
    'by its probe',
    { busy: true, busySince: new Date(nowMs - 3_000).toISOString() },
    {},
    /, busy since 3s, 1 restart/,
  ],
  ['by its annotation', {}, { 'nsctl.dev/busy': 'true' }, /, busy, as nsctl\.dev\/busy says, 1 restart/],
] as const)
  test(`an instance that is busy says so: ${name}`, async () => {
    const busy = {
      ...web2,
      metadata: { ...web2.metadata, annotations },
      status: { ...web2.status, ...status },
    } as AnyResource
    assert.match(await page(busy, { revisions: [] }), said)
  })

test('a service says what its instances are called in a catalog, and what is in the way of others', async () => {
  const lines = (await page(web, { instances: registered.slice(0, 3) })).split('\n')
  const at = lines.findIndex((line) => line.startsWith('Catalog'))
  assert.equal(
    lines.slice(at, at + 2).map((line) => line.trim()),
    [
      'Catalog      Consul at 127.0.0.1:8500 does not tell of it: HTTP 503 (1 of 3 instances)',
      'as web--shop.service.consul in Consul at 127.0.0.1:8500 (2 of 3 instances)',
    ],
  )
  const one = await page(registered[1] as AnyResource)
  assert.match(one, /^Catalog +as web--shop\.service\.consul in Consul at 127\.0\.0\.1:8500$/m)
  assert.not.match(await page(web), /Catalog/)
})

for (const c of [
  { name: 'service', run: () => page(web) },
  { name: 'service of a group', run: () => page(mail, { revisions: [] }) },
  { name: 'service that was rolled back', run: () => page(abandoned) },
  {
    name: 'service that nobody has looked at',
    run: () =>
      page(
        {
          ...bare,
          kind: 'Service',
          spec: { replicas: 1, template: { source: { command: ['x'] } } },
        } as unknown as AnyResource,
        {
          revisions: [],
          events: [],
          instances: [],
          volumes: [],
        },
      ),
  },
  { name: 'instance', run: () => page(web2, { revisions: [] }) },
  { name: 'instance of a group', run: () => page(mail1, { revisions: [] }) },
  { name: 'node', run: () => page(node, { revisions: [] }) },
  { name: 'event', run: () => page(events[3] as AnyResource, { revisions: [] }) },
  {
    name: 'kind of a user',
    run: () =>
      page(job, {
        revisions: [],
        kind: { ...kinds.byKind('Service'), group: 'example.org', kind: 'Job', hasStatus: true } as Kind,
      }),
  },
])
  test(`describe ${c.name}`, async () => {
    matchesGolden(`describe/${c.name.replaceAll(' ', '-')}.txt`, await c.run())
  })

test('a description holds the events of instances that are gone, and of no other service', async () => {
  const { events: about } = await gatherDescription(shop, kinds.byKind('Service'), web, nowMs)
  assert.equal(about.map((event) => event.metadata.name).sort(), ['e0', 'e1', 'e2'])
})

test('only the last events are shown, and how many more there are', async () => {
  const many = Array.from({ length: 14 }, () => events[1] as AnyResource)
  assert.match(await page(web, { events: many }), /\n +and 4 older\n/)
})

test('text of others cannot move the cursor', async () => {
  const evil = {
    ...web2,
    status: { ...web2.status, message: '\u001b[2J', portsText: '\u0007' },
  } as AnyResource
  const text = await page(web, { instances: [evil] })
  assert.not.ok(text.includes('\u001b') || text.includes('\u0007'))
})

test.run()
