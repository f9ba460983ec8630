/** Services that go from one scaler to another over real servers, whose transactions hold little. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { STORE_LAYOUT } from '../../src/api/keys.ts'
import { systemClock } from '../../src/core/clock.ts'
import { openConsulStore } from '../../src/store/consul/store.ts'
import { guardStore } from '../../src/store/guarded.ts'
import { firstEntries } from '../../src/store/layout.ts'
import type { Store } from '../../src/store/store.ts'
import { type ConsulCluster, startConsul } from '../lab/consul.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { type EtcdCluster, openStoreIn, startEtcd } from '../store/etcd/scene.ts'
import { manifest, openBench, options, refused } from './support.ts'

let consul: ConsulCluster
let etcd: EtcdCluster

const triggers = [{ type: 'redis', metadata: { address: 'redis:6379', listName: 'work' } }]
const scaler = (name: string, service: string) =>
  manifest('ScaledObject', { name }, { spec: { scaleTargetRef: { name: service }, triggers } })

/** More than two transactions' worth of a row, and a ring in front of it. */
const [RING, ALL] = [6, 80]
const names = Array.from({ length: ALL }, (_, index) => `s${String(index).padStart(2, '0')}`)
const next = (index: number) => (index < RING ? names[(index + 1) % RING]! : (names[index + 1] ?? 'last'))

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
      openConsulStore({ url: `consul://${consul.servers[0]!.address}/claims`, clock: systemClock, first }),
    etcd: () => openStoreIn(etcd, 'claims', { first }),
  }

  for (const [engine, open] of Object.entries(engines))
    test(`${engine}: a row and a ring move on in one apply, and a ring that has no room is refused whole`, async () => {
      const store = await guardStore(await open(), STORE_LAYOUT)
      try {
        const { api } = await openBench(store)
        await api.apply(
          names.map((name) => scaler(name, name)),
          options,
        )
        await api.apply(
          names.map((name, index) => scaler(name, next(index))),
          options,
        )
        const { entries } = await store.list(['claim/'])
        const held = Object.fromEntries(entries.map(({ key, value }) => [key.split('/').at(-1), value]))
        assert.equal(held, Object.fromEntries(names.map((name, index) => [next(index), name])))
        const round = names.map((name, index) => scaler(name, next((index + 1) % ALL)))
        const error = await refused('TooLarge', () => api.apply(round, options))
        assert.match(error.message, /80 scaledobjects, .* in a ring: more than this store commits at once/)
        assert.equal((await store.list(['claim/'])).entries, entries)
      } finally {
        await store.close()
      }
    })
}

test.run()
