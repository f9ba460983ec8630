import { test } from 'uvu'
import { needs } from '../parts.ts'
import { type EtcdCluster, hasEtcd, startEtcd } from '../store/etcd/scene.ts'
import { remoteTests } from './remote.ts'

let cluster: EtcdCluster
let stores = 0

if (needs(test, hasEtcd, 'Debian packages') === test) {
  test.before(async () => {
    cluster = await startEtcd()
  })
  test.after(() => cluster.stop())
  remoteTests(test, () => `etcd://${cluster.endpoints.join(',')}/remote/${stores++}`)
}

test.run()
