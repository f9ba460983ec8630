/** Three servers, of which one is killed, frozen or cut off: nothing that was acknowledged is lost, nothing is invented. */
import { type Test, test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import { acquireLease } from '../../../src/store/lease.ts'
import type { Store, Transaction } from '../../../src/store/store.ts'
import { needs } from '../../parts.ts'
import { commit, put } from '../contract-read.ts'
import { type Committed, judgeState, judgeWatch } from '../history.ts'
import { follow } from '../watching.ts'
import { type EtcdCluster, type EtcdMember, hasEtcd, openStoreIn, startEtcd } from './scene.ts'

let cluster: EtcdCluster

test.before(async () => {
  if (hasEtcd) cluster = await startEtcd({ size: 3 })
})

test.after(async () => {
  if (hasEtcd) await cluster.stop()
})

const it = needs(test, hasEtcd, 'Debian packages') as Test

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

interface Tally {
  readonly committed: Committed[]
  /** The longest that one commit took, whatever came of it. */
  slowestMs: number
  /** Commits that rejected: they may have happened. */
  unknown: number
  /** Of those, how many had. */
  happened: number
}

/**
 * Writes two keys of its own in one transaction, over and over, each upon what it wrote before. After a commit that rejected it
 * reads until it knows what became of it.
 */
async function write(store: Store, name: string, signal: AbortSignal, tally: Tally): Promise<void> {
  let revision = 0
  let last: { readonly value: string; readonly transaction: Transaction } | undefined
  for (let round = 0; !signal.aborted; round++) {
    const value = `${name}.${round}`
    const transaction = [put(`a/${name}`, value, revision), put(`b/${name}`, value, revision)]
    last = { value, transaction }
    let known = false
    while (!known) {
      const begun = performance.now()
      try {
        const [result] = await store.commit([transaction])
        if (result?.kind === 'committed') {
          tally.committed.push({ revision: result.revision, transaction })
          revision = result.revision
          known = true
          continue
        }
      } catch (error) {
        assert.ok(isNsctlError(error, 'Unreachable'), String(error))
        tally.unknown++
      } finally {
        tally.slowestMs = Math.max(tally.slowestMs, performance.now() - begun)
      }
      // only this one writes the key, so it is there, or was not written; it may still come: then the next try conflicts
      const entry = await readAgain(store, `a/${name}`)
      if (entry?.value === last.value) {
        tally.committed.push({ revision: entry.revision, transaction })
        tally.happened++
        revision = entry.revision
        known = true
      }
    }
    await pause(2)
  }
}

async function readAgain(store: Store, key: string) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await store.get(key)
    } catch (error) {
      if (attempt === 20) throw error
      await pause(100)
    }
  }
}

async function survives(faults: number, fault: (member: EtcdMember) => Promise<void>, what: string) {
  const stores = await Promise.all(
    [0, 0.4, 0.8].map((at) => openStoreIn(cluster, what, { random: () => at })),
  )
  const stop = new AbortController()
  try {
    const before = await stores[0]!.list([''])
    const watches = stores.map((store) => follow(store, [''], before.revision))
    const tally: Tally = { committed: [], slowestMs: 0, unknown: 0, happened: 0 }
    const writers = Array.from({ length: 6 }, (_, i) => write(stores[i % 3]!, `w${i}`, stop.signal, tally))
    for (let round = 0; round < faults; round++) {
      await pause(500)
      const done = tally.committed.length
      await fault(await cluster.leader())
      await cluster.ready()
      const deadline = performance.now() + 10_000
      while (tally.committed.length < done + 100 && performance.now() < deadline) await pause(20)
      assert.ok(tally.committed.length >= done + 100, 'the writers do not go on')
    }
    stop.abort()
    await Promise.all(writers)
    const transaction = [put('end', '')]
    const end = await commit(stores[0]!, ...transaction)
    tally.committed.push({ revision: end, transaction })
    const { entries } = await stores[1]!.list([''])
    const found = [...judgeState(tally.committed, before.entries, entries)]
    for (const watching of watches) {
      await watching.until('the end', (w) => w.batches.some((batch) => batch.revision >= end))
      await watching.stop()
      found.push(...judgeWatch(tally.committed, watching.batches, before.revision, entries))
    }
    console.log(
      `etcd, ${what}: ${faults} faults, ${tally.committed.length} commits, ${tally.unknown} of unknown outcome ` +
        `(${tally.happened} had happened), the slowest ${Math.round(tally.slowestMs)} ms, lost or invented ${found.length}`,
    )
    assert.equal(found, [])
  } finally {
    stop.abort()
    await Promise.all(stores.map((store) => store.close()))
  }
}

it('the leader is killed and comes back', () =>
  survives(
    3,
    async (leader) => {
      await leader.server.kill()
      await pause(2_000)
      leader.start()
    },
    'leader killed',
  ))

it('the leader is frozen for longer than an election', () =>
  survives(
    2,
    async (leader) => {
      leader.server.freeze()
      await pause(4_000)
      leader.server.thaw()
    },
    'leader frozen',
  ))

it('a watch whose member is frozen goes on at another', async () => {
  // not the leader, so that the others go on writing meanwhile
  const leader = cluster.members.indexOf(await cluster.leader())
  const frozen = cluster.members[(leader + 1) % 3]!.server
  const memberAt = (index: number) => () => ((index % 3) + 0.5) / 3
  const writer = await openStoreIn(cluster, 'watch', { random: memberAt(leader) })
  const store = await openStoreIn(cluster, 'watch', { random: memberAt(leader + 1) })
  try {
    const watching = follow(store, [''], await commit(writer, put('a', '1')))
    const first = await commit(writer, put('a', '2'))
    await watching.until('the first', (w) => w.changes().length === 1)
    frozen.freeze()
    const begun = performance.now()
    const second = await commit(writer, put('a', '3'))
    await watching.until('the second', (w) => w.changes().length === 2)
    console.log(`etcd: a watch on a frozen member went on after ${Math.round(performance.now() - begun)} ms`)
    await watching.stop()
    assert.equal(
      watching.changes().map((change) => change.revision),
      [first, second],
    )
  } finally {
    frozen.thaw()
    await Promise.all([writer.close(), store.close()])
  }
})

it('without a majority nothing is written, reads say so, and all goes on when it is back', async () => {
  const store = await openStoreIn(cluster, 'minority', { random: () => 0 })
  try {
    const revision = await commit(store, put('a', '1'))
    const [, second, third] = cluster.members
    await Promise.all([second!.server.kill(), third!.server.kill()])
    const refused = await store.commit([[put('a', '2', revision)]]).catch((error: unknown) => error)
    assert.ok(isNsctlError(refused, 'Unreachable'), String(refused))
    assert.is(refused.exitCode, 3)
    assert.match(refused.message, 'etcd://')
    second!.start()
    third!.start()
    await cluster.ready()
    // refused, it may yet happen: the one that was alone had written it down
    const entry = await readAgain(store, 'a')
    assert.match(entry?.value ?? '', /^[12]$/)
    await commit(store, put('a', '3', entry?.revision))
  } finally {
    await store.close()
  }
})

it('a lease is kept while the leader of etcd is killed, and taken over when its holder is gone', async () => {
  const [one, two] = await Promise.all([openStoreIn(cluster, 'lease'), openStoreIn(cluster, 'lease')])
  const signal = new AbortController()
  const options = (id: string) => ({
    name: 'leader',
    ttlMs: 8_000,
    holder: { id, host: `host-${id}`, pid: 1, startTime: '1', bootId: id, about: {} },
    clock: systemClock,
    signal: signal.signal,
    isAlive: () => undefined,
  })
  try {
    const held = await acquireLease(one, options('one'))
    let taken = false
    const waiting = acquireLease(two, options('two')).then((lease) => {
      taken = true
      return lease
    })
    // where the test fails first
    waiting.catch(() => {})
    const leader = await cluster.leader()
    await leader.server.kill()
    await pause(5_000)
    leader.start()
    await cluster.ready()
    assert.not(held.lost.aborted, 'the lease was lost though etcd was back in time')
    assert.not(taken)
    await held.release()
    await (await waiting).release()
  } finally {
    signal.abort()
    await Promise.all([one.close(), two.close()])
  }
})

test.run()
