/** Consul, three servers, under the checker: see cluster.ts. */
import { type Test, test } from 'uvu'
import { type ConsulServer, startConsul } from '../../lab/consul.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { freshUrl, openAt } from '../consul/scene.ts'
import { harmsTo, stormServers, type Victim } from './cluster.ts'
import { STORM_MS } from './pace.ts'

const it = needs(test, canFetchDebs(), 'Debian packages') as Test

/** Shorter than by default, so that a client whose server is away goes on to its next operation. */
const LIMITS = { requestMs: 1_500, giveUpMs: 4_000 }

function victimOf(server: ConsulServer): Victim {
  return {
    kill: () => server.process.kill(),
    start: async () => {
      // it has no leader to be ready with before the others are there
      void server.restart().catch(() => {})
    },
    freeze: () => server.process.freeze(),
    thaw: () => server.process.thaw(),
  }
}

it('clients of three Consul servers that are killed and frozen see one store', async () => {
  const cluster = await startConsul({ servers: 3 })
  try {
    const victims = cluster.servers.map(victimOf)
    const leader = async () => victims[cluster.servers.indexOf(await cluster.leader())]!
    const url = freshUrl('ADDRESS')
    const stores = await Promise.all(
      cluster.servers.map(({ address }) => openAt(url.replace('ADDRESS', address), LIMITS)),
    )
    try {
      const harms = harmsTo({ all: victims, leader })
      await stormServers({ engine: 'consul', stores, harms, leader, stormMs: STORM_MS })
    } finally {
      await Promise.all(stores.map((store) => store.close()))
    }
  } finally {
    await cluster.stop()
  }
})

test.run()
