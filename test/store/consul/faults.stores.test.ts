/**
 * Three Consul servers while they fail: what was acknowledged is there, nothing is lost, invented, torn or done twice, and
 * watches go on where they were.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import type { Store } from '../../../src/store/store.ts'
import { type ConsulCluster, type ConsulServer, startConsul } from '../../lab/consul.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { commit, put } from '../contract-read.ts'
import { judgeState, judgeWatch } from '../history.ts'
import { follow } from '../watching.ts'
import { newTally, recover, write } from '../writers.ts'
import { freshUrl, openAt } from './scene.ts'

const LIMITS = { requestMs: 1_500, giveUpMs: 20_000, historyRevisions: 20_000 }
const WRITERS = 4

let cluster: ConsulCluster

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Stores that go through different servers, under one prefix. */
async function openOver(servers: readonly ConsulServer[]): Promise<readonly Store[]> {
  const url = freshUrl('ADDRESS')
  return Promise.all(servers.map(({ address }) => openAt(url.replace('ADDRESS', address), LIMITS)))
}

/** Writes through all servers while `harm` does its work, then judges the state and every watch. */
async function storm(servers: readonly ConsulServer[], harm: () => Promise<number>): Promise<void> {
  const stores = await openOver(servers)
  try {
    const before = await stores[0]!.list([''])
    const watches = stores.map((store) => follow(store, [''], before.revision))
    const tally = newTally()
    const enough = new AbortController()
    const writers = Array.from({ length: WRITERS }, (_, i) =>
      write(stores[i % stores.length]!, i, tally, enough.signal),
    )
    const faults = await harm().finally(() => enough.abort())
    await Promise.all(writers)
    const transaction = [put('end', 'x')]
    const end = await commit(stores.at(-1)!, ...transaction)
    tally.committed.push({ revision: end, transaction })
    await recover(stores[0]!, tally)
    const { entries } = await stores[0]!.list([''])
    assert.equal(judgeState(tally.committed, before.entries, entries), [])
    for (const watching of watches) {
      await watching.until('the end', (w) => w.batches.some((batch) => batch.revision >= end))
      await watching.stop()
      assert.equal(judgeWatch(tally.committed, watching.batches, before.revision, entries), [])
    }
    assert.ok(tally.committed.length > 50, `${tally.committed.length} commits show nothing`)
    console.log(
      `consul: ${tally.committed.length} operations, ${tally.conflicts} conflicts, ${tally.unknown.length} rejected, ` +
        `${faults} faults injected, lost 0, invented 0`,
    )
  } finally {
    await Promise.all(stores.map((store) => store.close()))
  }
}

async function leads(): Promise<ConsulServer> {
  for (let left = 200; ; left--) {
    const leader = await cluster.leader().catch(() => undefined)
    if (leader !== undefined) return leader
    if (left === 0) throw new Error('nobody was elected')
    await pause(100)
  }
}

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    cluster = await startConsul({ servers: 3 })
  })
  test.after(() => cluster.stop())

  test('the leader is killed with -9, twice, and comes back', () =>
    storm(cluster.servers, async () => {
      for (let kill = 0; kill < 2; kill++) {
        await pause(1_500)
        const leader = await leads()
        await leader.process.kill()
        await pause(2_500)
        await leader.restart()
      }
      await pause(1_000)
      return 2
    }))

  test('the leader stands still for longer than an election, and wakes up believing that it leads', () =>
    storm(cluster.servers, async () => {
      for (let freeze = 0; freeze < 2; freeze++) {
        await pause(1_000)
        const leader = await leads()
        leader.process.freeze()
        await pause(4_000)
        leader.process.thaw()
      }
      await pause(1_500)
      return 2
    }))

  test('a client is cut off from its server, and goes on when it answers again', async () => {
    const leader = await leads()
    const [own, other] = cluster.servers.filter((server) => server !== leader) as [ConsulServer, ConsulServer]
    await storm([own, other], async () => {
      await pause(1_000)
      own.process.freeze()
      await pause(5_000)
      own.process.thaw()
      await pause(1_500)
      return 1
    })
  })

  test('all servers are killed and started again: what was acknowledged is there', () =>
    storm(cluster.servers, async () => {
      await pause(1_500)
      await Promise.all(cluster.servers.map(({ process }) => process.kill()))
      await pause(500)
      await Promise.all(cluster.servers.map((server) => server.restart()))
      await leads()
      await pause(1_500)
      return 3
    }))

  test('while nobody answers a write fails with the address, in the time that it is given', async () => {
    const { address, process } = cluster.servers[0]!
    const store = await openAt(freshUrl(address), { requestMs: 500, giveUpMs: 1_500 })
    await commit(store, put('before', '1'))
    process.freeze()
    const started = performance.now()
    try {
      await commit(store, put('a', '1', 0))
      assert.unreachable('it was acknowledged')
    } catch (error) {
      assert.ok(isNsctlError(error, 'Unreachable'), String(error))
      assert.match(error.message, address)
      assert.match(error.message, 'whether the last change was written is not known')
      assert.ok(performance.now() - started < 4_000)
    } finally {
      process.thaw()
    }
    // what was in doubt has happened once the next one is through, or never does; a server that was frozen may need longer than that to lead itself again
    for (let times = 0; ; times++) {
      const error = await commit(store, put('b', '1')).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      if (error === undefined) break
      if (times === 10) throw error
    }
    const entry = await store.get('a')
    await pause(1_000)
    assert.equal(await store.get('a'), entry)
    await store.close()
  })
}

test.run()
