/** Consul, three servers, while packets are dropped: see cuts/tests.ts. */
import { type Test, test } from 'uvu'
import { startConsul } from '../../lab/consul.ts'
import { canMakeNetworks } from '../../lab/network.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { cutTests } from '../cuts/tests.ts'
import { openAt } from './scene.ts'

const it = needs(test, canFetchDebs() && canMakeNetworks(), 'root and Debian packages') as Test

if (it === test) {
  cutTests(test, 'consul', async (hosts) => {
    const cluster = await startConsul({ hosts })
    return {
      async leader(among) {
        const leader = await cluster.leader(among)
        return hosts.find(({ address }) => leader.address.startsWith(`${address}:`))!
      },
      open: (name, known, giveUpMs) =>
        openAt(`consul://${known.map(({ address }) => address).join(',')}/${name}`, {
          historyRevisions: 20_000,
          ...(giveUpMs !== undefined && { giveUpMs }),
        }),
      stop: () => cluster.stop(),
    }
  })
}

test.run()
