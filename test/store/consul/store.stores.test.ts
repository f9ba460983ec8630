import { test } from 'uvu'
import { type ConsulCluster, startConsul } from '../../lab/consul.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { storeContract } from '../contract.ts'
import { freshUrl, openAt } from './scene.ts'

let cluster: ConsulCluster

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    cluster = await startConsul()
  })
  test.after(() => cluster.stop())

  storeContract('consul', async () => {
    const url = freshUrl(cluster.servers[0]!.address)
    return {
      store: await openAt(url, { historyRevisions: 400 }),
      reopen: () => openAt(url),
      historyRevisions: 400,
      cleanup: async () => {},
    }
  })
}

test.run()
