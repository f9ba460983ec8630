/** etcd, three servers, while packets are dropped: see cuts/tests.ts. */
import { type Test, test } from 'uvu'
import { canMakeNetworks } from '../../lab/network.ts'
import { needs } from '../../parts.ts'
import { cutTests } from '../cuts/tests.ts'
import { hasEtcd, openStoreIn, startEtcd } from './scene.ts'

const it = needs(test, hasEtcd && canMakeNetworks(), 'root and Debian packages') as Test

if (it === test) {
  cutTests(test, 'etcd', async (hosts) => {
    const cluster = await startEtcd({ hosts })
    return {
      async leader(among) {
        const leader = await cluster.leader(among)
        return hosts.find(({ address }) => leader.endpoint.startsWith(`${address}:`))!
      },
      open: (name, known) => {
        const endpoints = known.map(({ address }) => `${address}:2379`)
        return openStoreIn(cluster, name, { endpoints, random: () => 0 })
      },
      stop: () => cluster.stop(),
    }
  })
}

test.run()
