/** The checker over a network that is cut. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Host } from '../../lab/network.ts'
import { type Harm, stormServers } from '../linearizability/cluster.ts'
import type { Random } from '../random.ts'
import { type Lab, untilLed } from './lab.ts'

const STORM_MS = 24_000
/** Shorter than a cut, so that an outcome is not known now and then. */
const IMPATIENT_MS = 1_500

/** Clients that know all servers, and clients that know one alone, also one that leads no more and has not heard of it. */
export async function stormCut(lab: Lab): Promise<void> {
  const { cluster, hosts, engine, network } = lab
  const known = hosts.map((_, at) => [...hosts.slice(at), ...hosts.slice(0, at)])
  const stores = await Promise.all([
    ...known.map((all) => cluster.open('checked', all)),
    ...hosts.map((host) => cluster.open('checked', [host], IMPATIENT_MS)),
  ])
  const leader = () => cluster.leader(hosts)
  try {
    await stormServers({ engine: `${engine}, cut`, stores, harms: harmsTo(lab), leader, stormMs: STORM_MS })
  } finally {
    await network.heal()
    await Promise.all(stores.map((store) => store.close()))
  }
}

function harmsTo({ network, cluster, hosts }: Lab): readonly Harm[] {
  const isolate = async (host: Host) => {
    for (const other of hosts) if (other !== host) await network.cutBetween(host, other)
  }
  const harm = (name: string, cut: (leader: Host, random: Random) => Promise<void>): Harm => ({
    name,
    async inflict(random, awayMs) {
      await cut(await untilLed(cluster, hosts), random)
      await pause(awayMs)
      await network.heal()
    },
  })
  return [
    harm('cut leader from the others', isolate),
    harm('cut leader off', (leader) => network.cut(leader)),
    harm('cut leader from clients', (leader) => network.cutBetween(network.here, leader)),
    harm('cut one off', (_, random) => network.cut(hosts[random(hosts.length)]!)),
    harm('cut all from one another', async () => {
      for (const host of hosts) await isolate(host)
    }),
  ]
}
