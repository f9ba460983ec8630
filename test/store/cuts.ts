/**
 * Three servers on hosts of their own while packets between them, and between them and their clients, are dropped: the same tests
 * for each engine. What was acknowledged is there, nothing is written twice or torn, watches miss nothing and go on within a bound, and
 * nothing old is read, also not from a leader that does not know yet that it leads no more.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/core/clock.ts'
import { isNsctlError } from '../../src/core/errors.ts'
import { type AcquireOptions, acquireLease, type LeaseHolder } from '../../src/store/lease.ts'
import type { Store, StoreWatcher } from '../../src/store/store.ts'
import { type Host, makeNetwork, type Network } from '../lab/network.ts'
import { commit, put } from './contract-read.ts'
import { judgeState, judgeWatch } from './history.ts'
import { type Harm, stormServers } from './linearizability/cluster.ts'
import type { Random } from './random.ts'
import { follow, type Watching } from './watching.ts'
import { newTally, recover, type Tally, write } from './writers.ts'

/** Servers of one engine, one on each host. */
export interface CutCluster {
  /** The host of the one that leads, asked of the servers on `among`; rejects where they know none. */
  leader(among: readonly Host[]): Promise<Host>
  /**
   * One store, by whatever name of its own; its client knows the servers on `hosts` and asks the first of them first. Where it can be
   * told, it does not try for longer than `giveUpMs`.
   */
  open(name: string, hosts: readonly Host[], giveUpMs?: number): Promise<Store>
  stop(): Promise<void>
}

const WRITERS = 4
const CUT_MS = 5_000
/** Of the checker over a network that is cut. */
const STORM_MS = 24_000
/** Shorter than a cut, so that an outcome is not known now and then. */
const IMPATIENT_MS = 1_500
const LEASE_MS = 3_000
/** Until a watch has left a server that is silent, and heard from another one. */
const SILENT_BOUND_MS = 6_500
/**
 * From the moment that its server is cut off until a watch hears from another one: 5 s until the server is left, and the elections of
 * the servers themselves, of which Consul needs a second one when the former leader is back.
 */
const WATCH_BOUND_MS = 12_000
/** What a commit takes at most, whatever comes of it; adapters say how long they try. */
const COMMIT_BOUND_MS = 20_000
/** Where nobody is there: 2 s for each server, and a little more for connections that stood. */
const REFUSAL_BOUND_MS = 12_000

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

interface Lab {
  readonly network: Network
  readonly cluster: CutCluster
  readonly hosts: readonly Host[]
  readonly engine: string
}

/** Writes and watches through all servers while one is cut off as `cut` does it, and judges what came of it. */
async function storm(lab: Lab, name: string, cut: (lab: Lab, leader: Host) => Promise<void>): Promise<void> {
  const { network, cluster, hosts, engine } = lab
  const leader = await untilLed(cluster, hosts)
  const others = hosts.filter((host) => host !== leader)
  const clients = [hosts, [...hosts.slice(1), hosts[0]!], [hosts[2]!, ...hosts.slice(0, 2)]]
  const stores = await Promise.all(clients.map((known) => cluster.open(name, known)))
  // these know nobody else
  const stranded = await cluster.open(name, [leader])
  const enough = new AbortController()
  try {
    const before = await stores[0]!.list([''])
    const watches = [...stores, stranded].map((store) => follow(resuming(store), [''], before.revision))
    const silences = watches.map((watching) => new Silence(watching))
    const tally = newTally()
    const writers = Array.from({ length: WRITERS }, (_, i) => write(stores[i % 3]!, i, tally, enough.signal))
    const reads = { fresh: 0, refused: 0 }
    const reader = readFresh(stranded, tally, reads, enough.signal)
    const working = Promise.all([...writers, reader])
    // what it rejects with is waited for below
    working.catch(() => {})
    await pause(1_500)
    await cut(lab, leader)
    await pause(CUT_MS)
    await network.heal()
    await pause(1_500)
    assert.ok((await untilLed(cluster, others)) !== undefined)
    enough.abort()
    await working
    const longest = silences.map((silence) => silence.end())
    const transaction = [put('end', 'x')]
    const end = await commit(stores.at(-1)!, ...transaction)
    tally.committed.push({ revision: end, transaction })
    await recover(stores[0]!, tally)
    const { entries } = await stores[0]!.list([''])
    const found = [...judgeState(tally.committed, before.entries, entries)]
    for (const watching of watches) {
      await watching.until('the end', (w) => w.batches.some((batch) => batch.revision >= end))
      await watching.stop()
      found.push(...judgeWatch(tally.committed, watching.batches, before.revision, entries))
    }
    console.log(
      `${engine}, ${name}: ${tally.committed.length} commits, ${tally.conflicts} conflicts, ${tally.unknown.length} of unknown ` +
        `outcome, the slowest ${Math.round(tally.slowestMs)} ms; ${reads.fresh} reads from the leader cut off, ${reads.refused} ` +
        `refused; watches silent for at most ${longest.map((ms) => `${Math.round(ms)}`).join(', ')} ms; lost, invented or stale ${found.length}`,
    )
    assert.equal(found, [])
    assert.ok(tally.committed.length > 100, `${tally.committed.length} commits show nothing`)
    assert.ok(tally.slowestMs < COMMIT_BOUND_MS)
    for (const ms of longest.slice(0, stores.length))
      assert.ok(ms < WATCH_BOUND_MS, `a watch was silent for ${ms} ms`)
  } finally {
    enough.abort()
    await network.heal()
    await Promise.all([...stores, stranded].map((store) => store.close()))
  }
}

/** The longest time between two batches of a watch, while others write all the time. */
class Silence {
  readonly #watching: Watching
  readonly #timer: NodeJS.Timeout
  #seen = 0
  #atMs = performance.now()
  #longestMs = 0

  constructor(watching: Watching) {
    this.#watching = watching
    this.#timer = setInterval(() => this.#look(), 10).unref()
  }

  /** In milliseconds. */
  end(): number {
    clearInterval(this.#timer)
    return Math.max(this.#longestMs, performance.now() - this.#atMs)
  }

  #look(): void {
    const { length } = this.#watching.batches
    if (length === this.#seen) return
    this.#seen = length
    const nowMs = performance.now()
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#atMs)
    this.#atMs = nowMs
  }
}

/** As an informer watches: where the store is away for too long, again from where it was. */
function resuming(store: Store): StoreWatcher {
  return {
    async *watch(prefixes, from, signal) {
      let reached = from
      while (!signal.aborted) {
        try {
          for await (const batch of store.watch(prefixes, reached, signal)) {
            reached = batch.revision
            yield batch
          }
        } catch (error) {
          assert.ok(isNsctlError(error, 'Unreachable'), String(error))
          await pause(200)
        }
      }
    },
  }
}

/** Whatever `store` answers is not older than what was acknowledged before it was asked. */
async function readFresh(
  store: Store,
  tally: Tally,
  reads: { fresh: number; refused: number },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const known = tally.committed.reduce((newest, { revision }) => Math.max(newest, revision), 0)
    try {
      const { revision } = await store.list(['s/'])
      assert.ok(revision >= known, `read as of revision ${revision} after ${known} was acknowledged`)
      reads.fresh++
    } catch (error) {
      assert.ok(isNsctlError(error, 'Unreachable'), String(error))
      reads.refused++
    }
    await pause(20)
  }
}

/** Clients that know all servers, and clients that know one alone, also one that leads no more and has not heard of it. */
async function stormCut(lab: Lab): Promise<void> {
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

async function loseLease({ network, cluster, hosts, engine }: Lab): Promise<void> {
  const leader = await untilLed(cluster, hosts)
  const [near, far] = hosts.filter((host) => host !== leader) as [Host, Host]
  const [first, second] = [await cluster.open('lease', [near]), await cluster.open('lease', [far, leader])]
  const idle = await cluster.open('lease', [near, far])
  const stop = new AbortController()
  try {
    const held = await acquireLease(first, leaseOptions('first', stop.signal))
    let lostMs = Number.POSITIVE_INFINITY
    held.lost.addEventListener('abort', () => {
      lostMs = performance.now()
    })
    const waiting = acquireLease(second, leaseOptions('second', stop.signal))
    const idleWatch = await beginWatch(idle, second)
    await pause(1_000)
    await network.cutBetween(network.here, near)
    const cutMs = performance.now()
    const seen = idleWatch.hearsAfter()
    seen.catch(() => {})
    const late = (round: number) => [...held.fence, put(`late/${round}`, 'late')]
    // sent while nothing arrives: the network may deliver it yet
    const sent = [0, 1, 2].map((round) => first.commit([late(round)]).catch((error: unknown) => error))
    const taken = await waiting
    const takenMs = performance.now()
    assert.ok(lostMs < takenMs, 'two held the lease')
    const seenMs = await seen
    await network.heal()
    await Promise.all(sent)
    const [after] = await untilAnswered(() => first.commit([late(3)]))
    assert.is(after?.kind, 'conflict')
    await pause(1_000)
    assert.equal(await second.listKeys('late/'), [])
    await commit(second, ...taken.fence, put('mine', '1'))
    console.log(
      `${engine}, lease of ${LEASE_MS} ms: lost ${Math.round(lostMs - cutMs)} ms after the cut, taken over after ${Math.round(takenMs - cutMs)} ms, late writes 0 of 4; ` +
        `a watch that nothing else goes on beside went on after ${Math.round(seenMs)} ms`,
    )
    assert.ok(seenMs < SILENT_BOUND_MS, `${seenMs} ms`)
    await taken.release()
  } finally {
    stop.abort()
    await network.heal()
    await Promise.all([first.close(), second.close(), idle.close()])
  }
}

/** Of a holder that nobody can see the death of. */
function leaseOptions(id: string, signal: AbortSignal): AcquireOptions {
  const holder: LeaseHolder = { id, host: `host-${id}`, pid: 1, startTime: '1', bootId: id, about: {} }
  return { name: 'leader', ttlMs: LEASE_MS, holder, clock: systemClock, signal, isAlive: () => undefined }
}

/** A watch through `store`, of which it is known that it waits for what `writer` writes. */
async function beginWatch(store: Store, writer: Store): Promise<{ hearsAfter(): Promise<number> }> {
  const watching = follow(store, ['seen/'], await commit(writer, put('seen/before', '1')))
  await commit(writer, put('seen/now', '1'))
  await watching.until('what is written now', (w) => w.changes().length === 1)
  return {
    /** How long the next one takes, in milliseconds; ends the watch. */
    async hearsAfter() {
      const begunMs = performance.now()
      await commit(writer, put('seen/next', '1'))
      await watching.until('what was written while its server was cut off', (w) => w.changes().length === 2)
      await watching.stop()
      return performance.now() - begunMs
    },
  }
}

async function cutFromAll({ network, cluster, hosts, engine }: Lab): Promise<void> {
  const store = await cluster.open('alone', hosts)
  try {
    await commit(store, put('a', '1'))
    for (const host of hosts) await network.cutBetween(network.here, host)
    const asked = [
      () => store.commit([[put('a', '2')]]),
      () => store.get('a'),
      () => cluster.open('alone', hosts),
    ]
    const tooks = await Promise.all(asked.map((ask) => untilRefused(ask, hosts)))
    console.log(
      `${engine}, cut off from all: a commit fails after ${tooks.map((ms) => Math.round(ms)).join(', a read and opening after ')} ms`,
    )
    for (const ms of tooks) assert.ok(ms < REFUSAL_BOUND_MS, `${ms} ms`)
    await network.heal()
    await untilAnswered(() => store.commit([[put('a', '3')]]))
  } finally {
    await network.heal()
    await store.close()
  }
}

/** How long it takes until `ask` says that no server can be reached; in milliseconds. */
async function untilRefused(ask: () => Promise<unknown>, hosts: readonly Host[]): Promise<number> {
  const begunMs = performance.now()
  const error = await ask().then(
    () => assert.unreachable('it was answered'),
    (thrown: unknown) => thrown,
  )
  assert.ok(isNsctlError(error, 'Unreachable'), String(error))
  assert.is(error.exitCode, 3)
  for (const { address } of hosts) assert.match(error.message, address)
  return performance.now() - begunMs
}

async function untilLed(cluster: CutCluster, among: readonly Host[]): Promise<Host> {
  return untilAnswered(() => cluster.leader(among))
}

async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + 30_000
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (performance.now() > deadlineMs) throw error
      await pause(100)
    }
  }
}
