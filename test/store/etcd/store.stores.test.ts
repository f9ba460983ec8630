import { test } from 'uvu'
import { needs } from '../../parts.ts'
import { storeContract } from '../contract.ts'
import { type EtcdCluster, hasEtcd, openStoreIn, startEtcd } from './scene.ts'

let cluster: EtcdCluster
let stores = 0

test.before(async () => {
  if (hasEtcd) cluster = await startEtcd()
})

test.after(async () => {
  if (hasEtcd) await cluster.stop()
})

if (!hasEtcd) needs(test, false, 'Debian packages')('etcd: the contract', () => {})
else
  storeContract('etcd', async () => {
    const prefix = `contract/${stores++}`
    return {
      store: await openStoreIn(cluster, prefix),
      reopen: () => openStoreIn(cluster, prefix),
      cleanup: async () => {},
    }
  })

test.run()
