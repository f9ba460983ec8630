/** The long run against three servers of which one, or all, are killed or frozen and come back. */
import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { Store } from '../../../src/store/store.ts'
import { type Random, randomOf } from '../random.ts'
import { judge } from './judge.ts'
import { CLIENTS, PACE, STORM_MS } from './pace.ts'
import { assertTelling, formatJudgement, storm } from './storm.ts'

/** One server, as the harm sees it. */
export interface Victim {
  /** kill -9 */
  kill(): Promise<void>
  /** Again, over the same files; need not wait until it serves. */
  start(): Promise<void>
  /** SIGSTOP */
  freeze(): void
  /** SIGCONT */
  thaw(): void
}

export interface Victims {
  readonly all: readonly Victim[]
  /** The one that leads; rejects where none is known. */
  leader(): Promise<Victim>
}

const HARMS = ['kill leader', 'freeze leader', 'kill one', 'freeze one', 'kill all'] as const
/** Longer than an election takes. */
const AWAY_MS = { atLeast: 1_500, more: 2_000 }
const ELECTION_LIMIT_MS = 30_000
/** Well again for long enough that all get on. */
const WELL_MS = { atLeast: 1_500, more: 1_500 }

/** Runs the clients over `stores` for the storm's time, prints the figures and asserts that nothing is wrong. */
export async function stormServers(
  engine: string,
  stores: readonly Store[],
  victims: Victims,
): Promise<void> {
  const harms = new Map<string, number>()
  const random = randomOf(7)
  const harm = async () => {
    const untilMs = performance.now() + STORM_MS
    for (let round = 0; performance.now() < untilMs; round++) {
      await pause(WELL_MS.atLeast + random(WELL_MS.more))
      const name = HARMS[round % HARMS.length]!
      await harmOnce(name, victims, random)
      await leaderOf(victims)
      harms.set(name, (harms.get(name) ?? 0) + 1)
    }
    await pause(WELL_MS.atLeast)
  }
  const judged = judge(await storm({ ...PACE, stores, clients: CLIENTS, seed: 100, harm }))
  const injected = [...harms].map(([name, count]) => `${count} × ${name}`).join(', ')
  console.log(formatJudgement(engine, injected, judged))
  assert.equal(judged.faults, [])
  assertTelling(judged, STORM_MS)
}

async function harmOnce(name: (typeof HARMS)[number], victims: Victims, random: Random): Promise<void> {
  const { all } = victims
  const awayMs = AWAY_MS.atLeast + random(AWAY_MS.more)
  if (name === 'kill all') {
    await Promise.all(all.map((victim) => victim.kill()))
    await pause(random(1_000))
    await Promise.all(all.map((victim) => victim.start()))
    return
  }
  const victim = name.endsWith('leader') ? await leaderOf(victims) : all[random(all.length)]!
  if (name.startsWith('kill')) {
    await victim.kill()
    await pause(awayMs)
    return victim.start()
  }
  victim.freeze()
  await pause(awayMs)
  victim.thaw()
}

/** Waits until one is elected. */
async function leaderOf(victims: Victims): Promise<Victim> {
  const deadlineMs = performance.now() + ELECTION_LIMIT_MS
  for (;;) {
    try {
      return await victims.leader()
    } catch (error) {
      if (performance.now() > deadlineMs) throw error
      await pause(100)
    }
  }
}
