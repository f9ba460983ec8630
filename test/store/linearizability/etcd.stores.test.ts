/** etcd, three servers, under the checker: see cluster.ts. */
import { type Test, test } from 'uvu'
import { needs } from '../../parts.ts'
import { type EtcdMember, hasEtcd, openStoreIn, startEtcd } from '../etcd/scene.ts'
import { harmsTo, stormServers, type Victim } from './cluster.ts'
import { CLIENTS, STORM_MS } from './pace.ts'

const it = needs(test, hasEtcd, 'Debian packages') as Test

function victimOf(member: EtcdMember): Victim {
  return {
    kill: () => member.server.kill(),
    start: async () => member.start(),
    freeze: () => member.server.freeze(),
    thaw: () => member.server.thaw(),
  }
}

it('clients of three etcd servers that are killed and frozen see one store', async () => {
  const cluster = await startEtcd({ size: 3 })
  try {
    const victims = cluster.members.map(victimOf)
    const leader = async () => victims[cluster.members.indexOf(await cluster.leader())]!
    // each begins at another member
    const stores = await Promise.all(
      Array.from({ length: CLIENTS }, (_, i) =>
        openStoreIn(cluster, 'checked', { random: () => ((i % 3) + 0.5) / 3 }),
      ),
    )
    try {
      const harms = harmsTo({ all: victims, leader })
      await stormServers({ engine: 'etcd', stores, harms, leader, stormMs: STORM_MS })
    } finally {
      await Promise.all(stores.map((store) => store.close()))
    }
  } finally {
    await cluster.stop()
  }
})

test.run()
