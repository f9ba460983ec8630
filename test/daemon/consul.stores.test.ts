import { test } from 'uvu'
import { type ConsulCluster, startConsul } from '../lab/consul.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { remoteTests } from './remote.ts'

let cluster: ConsulCluster
let stores = 0

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    cluster = await startConsul()
  })
  test.after(() => cluster.stop())
  remoteTests(test, () => `consul://${cluster.servers[0]!.address}/remote/${stores++}`)
}

test.run()
