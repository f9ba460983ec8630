import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { serviceWatches } from '../../../src/controllers/service/watches.ts'
import { type Incoming, WritableCache } from '../../../src/engine/cache.ts'
import { type AnyResource, refOfObject } from '../../../src/resources/object.ts'

const apiVersion = 'nsctl.dev/v1alpha1'
const object = (kind: string, name: string, spec: unknown, status?: unknown, namespace = 'default') =>
  ({ apiVersion, kind, metadata: { name, namespace }, spec, status }) as unknown as AnyResource
const put = (one: AnyResource): Incoming => ({ kind: 'put', object: one, ref: refOfObject(one) })
const reader = (name: string, of: string, namespace?: string) =>
  object('Service', name, { template: { configs: [{ name: of, onChange: 'reload' }] } }, undefined, namespace)
const sealed = (version: string, age = 'x') => ({ sealed: { password: { version, age } } })

function woken(kind: string, now: AnyResource, old?: AnyResource): readonly string[] {
  const cache = new WritableCache((error) => {
    throw error
  })
  for (const each of ['Service', 'Config', 'Secret']) cache.addKind(each)
  const watch = serviceWatches(cache, { waiting: () => [] }, { waiting: () => [] }).find(
    (one) => one.kind === kind,
  )
  const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }]
  cache.apply(
    [
      reader('one', 'settings'),
      reader('two', 'settings'),
      reader('other', 'more'),
      reader('elsewhere', 'settings', 'shop'),
      object('Service', 'app', { template: { env } }),
      object('Service', 'plain', { template: {} }),
    ].map(put),
    1,
  )
  return (watch?.toKeys(now, old) ?? []).map(({ namespace, name }) => `${namespace}/${name}`).sort()
}

for (const c of [
  {
    name: 'a Config that changes wakes what names it, in its namespace',
    kind: 'Config',
    now: object('Config', 'settings', { data: { a: '2' } }),
    old: object('Config', 'settings', { data: { a: '1' } }),
    want: ['default/one', 'default/two'],
  },
  {
    name: 'one that comes or goes as well',
    kind: 'Config',
    now: object('Config', 'more', { data: {} }),
    old: undefined,
    want: ['default/other'],
  },
  {
    name: 'its status wakes none',
    kind: 'Config',
    now: object('Config', 'settings', { data: { a: '1' } }, { keys: 1 }),
    old: object('Config', 'settings', { data: { a: '1' } }),
    want: [],
  },
  {
    name: 'a Secret with another value wakes what names it',
    kind: 'Secret',
    now: object('Secret', 'db', sealed('v2')),
    old: object('Secret', 'db', sealed('v1')),
    want: ['default/app'],
  },
  {
    name: 'one that is sealed to others wakes none',
    kind: 'Secret',
    now: object('Secret', 'db', sealed('v1', 'sealed anew')),
    old: object('Secret', 'db', sealed('v1')),
    want: [],
  },
  {
    name: 'one that was fetched for the first time wakes what waits for it',
    kind: 'Secret',
    now: object('Secret', 'db', { external: {} }, { fetched: sealed('v1').sealed }),
    old: object('Secret', 'db', { external: {} }),
    want: ['default/app'],
  },
])
  test(`watches: ${c.name}`, () => assert.equal(woken(c.kind, c.now, c.old), c.want))

test.run()
