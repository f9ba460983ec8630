/** The long run against three servers to which harm is done, and undone: they are killed, frozen or cut off, and come back. */
import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { Store } from '../../../src/store/store.ts'
import { type Random, randomOf } from '../random.ts'
import { judge } from './judge.ts'
import { CLIENTS, PACE } from './pace.ts'
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

/** Something that goes wrong for `awayMs`, and is well again afterwards. */
export interface Harm {
  readonly name: string
  inflict(random: Random, awayMs: number): Promise<void>
}

export interface ServerStorm {
  /** What the figures are printed under. */
  readonly engine: string
  readonly stores: readonly Store[]
  /** Done in turn. */
  readonly harms: readonly Harm[]
  /** Rejects where the servers know of no leader. */
  leader(): Promise<unknown>
  readonly stormMs: number
}

/** Longer than an election takes. */
const AWAY_MS = { atLeast: 1_500, more: 2_000 }
const ELECTION_LIMIT_MS = 30_000
/** Well again for long enough that all get on. */
const WELL_MS = { atLeast: 1_500, more: 1_500 }

/** Runs the clients over `stores` for the storm's time, prints the figures and asserts that nothing is wrong. */
export async function stormServers({ engine, stores, harms, leader, stormMs }: ServerStorm): Promise<void> {
  const inflicted = new Map<string, number>()
  const random = randomOf(7)
  const harm = async () => {
    const untilMs = performance.now() + stormMs
    for (let round = 0; performance.now() < untilMs; round++) {
      await pause(WELL_MS.atLeast + random(WELL_MS.more))
      const { name, inflict } = harms[round % harms.length]!
      await inflict(random, AWAY_MS.atLeast + random(AWAY_MS.more))
      await untilLed(leader)
      inflicted.set(name, (inflicted.get(name) ?? 0) + 1)
    }
    await pause(WELL_MS.atLeast)
  }
  const judged = judge(await storm({ ...PACE, stores, clients: CLIENTS, seed: 100, harm }))
  const injected = [...inflicted].map(([name, count]) => `${count} × ${name}`).join(', ')
  console.log(formatJudgement(engine, injected, judged))
  assert.equal(judged.faults, [])
  assertTelling(judged, stormMs)
}

/** Servers killed with -9 or made to stand still. */
export function harmsTo(victims: Victims): readonly Harm[] {
  const { all } = victims
  const leader = () => untilLed(() => victims.leader())
  const one = async (random: Random) => all[random(all.length)]!
  const kill = async (victim: Victim, awayMs: number) => {
    await victim.kill()
    await pause(awayMs)
    await victim.start()
  }
  const freeze = async (victim: Victim, awayMs: number) => {
    victim.freeze()
    await pause(awayMs)
    victim.thaw()
  }
  return [
    { name: 'kill leader', inflict: async (_, awayMs) => kill(await leader(), awayMs) },
    { name: 'freeze leader', inflict: async (_, awayMs) => freeze(await leader(), awayMs) },
    { name: 'kill one', inflict: async (random, awayMs) => kill(await one(random), awayMs) },
    { name: 'freeze one', inflict: async (random, awayMs) => freeze(await one(random), awayMs) },
    {
      name: 'kill all',
      async inflict(random) {
        await Promise.all(all.map((victim) => victim.kill()))
        await pause(random(1_000))
        await Promise.all(all.map((victim) => victim.start()))
      },
    },
  ]
}

/** Waits until one is elected. */
async function untilLed<T>(leader: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + ELECTION_LIMIT_MS
  for (;;) {
    try {
      return await leader()
    } catch (error) {
      if (performance.now() > deadlineMs) throw error
      await pause(100)
    }
  }
}
