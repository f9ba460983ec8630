/** The largest object over real servers: all that a change of it is committed with fits, and a byte more is refused. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MAX_OBJECT_BYTES } from '../../src/api/admission/limits.ts'
import { objectKey, revisionPrefix, STORE_LAYOUT } from '../../src/api/keys.ts'
import { systemClock } from '../../src/core/clock.ts'
import { openConsulStore } from '../../src/store/consul/store.ts'
import { guardStore } from '../../src/store/guarded.ts'
import { firstEntries } from '../../src/store/layout.ts'
import type { Store } from '../../src/store/store.ts'
import { type ConsulCluster, startConsul } from '../lab/consul.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { type EtcdCluster, openStoreIn, startEtcd } from '../store/etcd/scene.ts'
import { openBench, options, refused, service, web } from './support.ts'

let consul: ConsulCluster
let etcd: EtcdCluster

/** A Service that says so much, in variables that are all of the same size. */
function padded(letter: string, characters: number) {
  const count = 8
  const each = Math.floor(characters / count)
  const env = Array.from({ length: count }, (_, index) => ({
    name: `V${index}`,
    value: letter.repeat(index === 0 ? characters - each * (count - 1) : each),
  }))
  return service('web', { template: { source: { command: ['true'] }, env } })
}

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    ;[consul, etcd] = await Promise.all([startConsul(), startEtcd()])
    await etcd.ready()
  })
  test.after(async () => {
    await Promise.all([consul.stop(), etcd.stop()])
  })

  const first = firstEntries(STORE_LAYOUT, 'test')
  const engines: Readonly<Record<string, () => Promise<Store>>> = {
    consul: () =>
      openConsulStore({
        url: `consul://${consul.servers[0]!.address}/${'p'.repeat(60)}`,
        clock: systemClock,
        first,
      }),
    etcd: () => openStoreIn(etcd, 'limits', { first }),
  }

  for (const [engine, open] of Object.entries(engines))
    test(`${engine}: an object of ${MAX_OBJECT_BYTES} bytes, its manifest and its old spec are one commit, a byte more is refused`, async () => {
      const store = await guardStore(await open(), STORE_LAYOUT)
      try {
        const { api } = await openBench(store)
        const target = { kind: api.kinds.byKind('Service'), namespace: 'default', name: 'web' }
        const size = async () => Buffer.byteLength((await store.get(objectKey(target)))!.value)
        // labels of others, so that the object is more than its manifest and that is kept beside it
        const labels = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`l${i}`, 'x'.repeat(63)]))
        await api.apply([padded('a', 1_000)], options)
        await api.patch(web, 'merge', { metadata: { labels } }, options)
        const characters = 1_000 + MAX_OBJECT_BYTES - (await size())
        await api.apply([padded('b', characters)], options)
        assert.is(await size(), MAX_OBJECT_BYTES)

        const [result] = (await api.apply([padded('c', characters)], options)).results
        assert.is(result?.verdict, 'configured')
        assert.is(await size(), MAX_OBJECT_BYTES)
        assert.is((await api.history(web)).length, 3)

        // scaled, the object no longer holds the spec of its revision: then the record does
        await api.scale(web, 2, options)
        await api.scale(web, 1, options)
        await api.apply([padded('d', characters)], options)
        assert.is(await size(), MAX_OBJECT_BYTES)
        const { entries } = await store.list([revisionPrefix(target)])
        const whole = entries.filter(({ value }) => value.length > MAX_OBJECT_BYTES / 2)
        assert.ok(whole.length >= 3, `${whole.length} of ${entries.length} hold a spec`)

        const before = await store.list([])
        await refused('TooLarge', () => api.apply([padded('e', characters + 1)], options))
        assert.equal(await store.list([]), before)
      } finally {
        await store.close()
      }
    })
}

test.run()
