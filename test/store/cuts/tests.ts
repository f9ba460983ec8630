/**
 * Three servers on hosts of their own while packets between them, and between them and their clients, are dropped: the same tests
 * for each engine. What was acknowledged is there, nothing is written twice or torn, watches miss nothing and go on within a bound, and
 * nothing old is read, also not from a leader that does not know yet that it leads no more.
 */
import type { Test } from 'uvu'
import { type Host, makeNetwork, type Network } from '../../lab/network.ts'
import { stormCut } from './checked.ts'
import { cutFromAll, loseLease } from './clients.ts'
import type { CutCluster } from './lab.ts'
import { storm } from './servers.ts'

/** Adds them to `test`, over servers that `start` has started on those hosts. */
export function cutTests(
  test: Test,
  engine: string,
  start: (hosts: readonly Host[]) => Promise<CutCluster>,
): void {
  let [network, cluster, hosts]: [Network?, CutCluster?, (readonly Host[])?] = []
  const lab = () => ({ network: network!, cluster: cluster!, hosts: hosts!, engine })
  test.before(async () => {
    network = await makeNetwork()
    hosts = [await network.add('s0'), await network.add('s1'), await network.add('s2')]
    cluster = await start(hosts)
  })
  test.after(async () => {
    await cluster?.stop()
    await network?.close()
  })

  test('the leader is cut off from everybody, and comes back', () =>
    storm(lab(), 'cut-off', ({ network }, leader) => network.cut(leader)))

  test('the leader is cut off from the other servers alone: its clients still reach it', () =>
    storm(lab(), 'minority', async ({ network, hosts }, leader) => {
      for (const other of hosts) if (other !== leader) await network.cutBetween(leader, other)
    }))

  test('a client is cut off for longer than its lease: another takes over, and what the first writes late is refused', () =>
    loseLease(lab()))

  test('under the checker, while servers are cut off from all, from clients and from one another', () =>
    stormCut(lab()))

  test('all servers are cut off from a client: it says so, with their addresses, in a bounded time', () =>
    cutFromAll(lab()))
}
