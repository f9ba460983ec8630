/** Clients that are cut off: from the server that they ask, for longer than their lease, and from all. */
import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import { type AcquireOptions, acquireLease, type LeaseHolder } from '../../../src/store/lease.ts'
import type { Store } from '../../../src/store/store.ts'
import type { Host } from '../../lab/network.ts'
import { commit, put } from '../contract-read.ts'
import { follow } from '../watching.ts'
import { type Lab, untilAnswered, untilLed } from './lab.ts'

const LEASE_MS = 3_000
/** Until a watch has left a server that is silent, and heard from another one. */
const SILENT_BOUND_MS = 6_500
/** Where nobody is there: 2 s for each server, and a little more for connections that stood. */
const REFUSAL_BOUND_MS = 12_000

/** One client's server is cut off: its lease is lost before another takes it, its late writes are refused, its watch goes on. */
export async function loseLease({ network, cluster, hosts, engine }: Lab): Promise<void> {
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

/** No server can be reached: every call says so, with their addresses and in time, and the client goes on when they are back. */
export async function cutFromAll({ network, cluster, hosts, engine }: Lab): Promise<void> {
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
