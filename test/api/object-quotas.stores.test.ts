/** Counts that quotas limit, over real servers: many processes that make objects at once. */
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
import { manifest, openBench, options, refused, service } from './support.ts'

let consul: ConsulCluster
let etcd: EtcdCluster

const MAKERS = 8
const ROOM = 5
/** More than a transaction holds. */
const MANY = 120

const quota = (hard: object) => manifest('ResourceQuota', { name: 'team' }, { spec: { hard } })
const config = (name: string) => manifest('Config', { name }, { spec: { data: { a: 'b' } } })

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
      openConsulStore({ url: `consul://${consul.servers[0]!.address}/quotas`, clock: systemClock, first }),
    etcd: () => openStoreIn(etcd, 'quotas', { first }),
  }

  for (const [engine, open] of Object.entries(engines))
    test(`${engine}: as many are made at once as there is room for, and a set goes from one transaction to the next`, async () => {
      const stores = await Promise.all(
        Array.from({ length: MAKERS }, async () => guardStore(await open(), STORE_LAYOUT)),
      )
      try {
        const apis = await Promise.all(stores.map(async (store) => (await openBench(store)).api))
        const [one] = apis as [(typeof apis)[0] & object]
        await one.apply([quota({ 'count/services': ROOM, 'count/configs': MANY })], options)
        const outcomes = await Promise.allSettled(
          apis.map((api, at) => api.apply([service(`s${at}`)], options)),
        )
        assert.is(outcomes.filter(({ status }) => status === 'fulfilled').length, ROOM)
        assert.is((await one.list(one.kinds.byKind('Service'))).items.length, ROOM)
        for (const outcome of outcomes)
          if (outcome.status === 'rejected')
            assert.is((outcome.reason as { code: string }).code, 'QuotaExceeded')
        await one.apply(
          Array.from({ length: MANY }, (_, at) => config(`c${at}`)),
          options,
        )
        await refused('QuotaExceeded', () => one.apply([config('more')], options))
      } finally {
        await Promise.all(stores.map((store) => store.close()))
      }
    })
}

test.run()
