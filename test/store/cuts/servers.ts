/** Servers that are cut off while others write and watch: what was acknowledged is there, and nothing old is read. */
import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import type { Store, StoreWatcher } from '../../../src/store/store.ts'
import type { Host } from '../../lab/network.ts'
import { commit, put } from '../contract-read.ts'
import { judgeState, judgeWatch } from '../history.ts'
import { follow, type Watching } from '../watching.ts'
import { newTally, recover, type Tally, write } from '../writers.ts'
import { type Lab, untilLed } from './lab.ts'

const WRITERS = 4
const CUT_MS = 5_000
/**
 * From the moment that its server is cut off until a watch hears from another one: 5 s until the server is left, and the elections of
 * the servers themselves, of which Consul needs a second one when the former leader is back.
 */
const WATCH_BOUND_MS = 12_000
/** What a commit takes at most, whatever comes of it; adapters say how long they try. */
const COMMIT_BOUND_MS = 20_000

/** Writes and watches through all servers while one is cut off as `cut` does it, and judges what came of it. */
export async function storm(
  lab: Lab,
  name: string,
  cut: (lab: Lab, leader: Host) => Promise<void>,
): Promise<void> {
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
