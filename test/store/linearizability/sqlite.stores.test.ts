/**
 * SQLite under eight client processes of which one after the other is killed with -9, or made to stand still, in the middle of
 * what it does: what they saw, taken together, is what one store would have shown them.
 */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { type Random, randomOf } from '../random.ts'
import { type Child, Scene } from '../sqlite/scene.ts'
import { judge } from './judge.ts'
import { type Death, type Event, operationsOf, type Recorded } from './operations.ts'
import { CLIENTS, STORM_MS } from './pace.ts'
import { assertTelling, formatJudgement, readAll } from './storm.ts'

const PROGRAM = join(import.meta.dirname, 'process.ts')
const LONGEST_FREEZE_MS = 2_000
const LATEST_KILL_US = 1500

interface Client {
  readonly child: Child
  stalledMs: number
}

function historyOf(client: Client, death?: Death): readonly Recorded[] {
  const byProcess = new Map<string, Event[]>()
  for (const line of client.child.lines) {
    const [process, event] = JSON.parse(line) as [string, Event]
    const events = byProcess.get(process)
    if (events === undefined) byProcess.set(process, [event])
    else events.push(event)
  }
  return [...byProcess].flatMap(([process, events]) => operationsOf(process, events, death))
}

/** Kills `child` so long after it has said that it begins to write; when that was, just before the signal. */
function killWriting(child: Child, afterMs: number): Promise<number> {
  return new Promise((resolve) => {
    const stop = child.hear((line) => {
      const [, event] = JSON.parse(line) as [string, Event]
      if (event[0] !== 'begin' || event[2].kind !== 'write') return
      stop()
      // a timer would come too late: a write takes a millisecond or two
      const untilMs = systemClock.monotonic() + afterMs
      while (systemClock.monotonic() < untilMs);
      const atMs = systemClock.monotonic()
      child.process.kill('SIGKILL')
      resolve(atMs)
    })
  })
}

class Crowd {
  readonly history: Recorded[] = []
  readonly #scene: Scene
  readonly #startedMs = systemClock.monotonic()
  readonly #clients: Client[] = []
  #count = 0

  constructor(scene: Scene) {
    this.#scene = scene
    for (let i = 0; i < CLIENTS; i++) this.#join()
  }

  /** kill -9 in the middle of a write, as far as that can be hit; another takes its place. */
  async kill(random: Random): Promise<void> {
    const [client] = this.#clients.splice(random(CLIENTS), 1)
    const atMs = await killWriting(client!.child, random(LATEST_KILL_US) / 1_000)
    await client!.child.exit
    this.history.push(...historyOf(client!, { atMs, stalledMs: client!.stalledMs }))
    this.#join()
  }

  async freeze(random: Random): Promise<void> {
    const client = this.#clients[random(CLIENTS)]!
    await client.child.wrote(1)
    const frozenMs = systemClock.monotonic()
    client.child.process.kill('SIGSTOP')
    await pause(300 + random(LONGEST_FREEZE_MS - 300))
    client.child.process.kill('SIGCONT')
    client.stalledMs = Math.max(client.stalledMs, systemClock.monotonic() - frozenMs)
  }

  /** All end what they are at. */
  async end(): Promise<void> {
    for (const { child } of this.#clients) child.process.stdin!.end()
    for (const client of this.#clients) {
      await client.child.exit
      assert.is(client.child.process.exitCode, 0)
      this.history.push(...historyOf(client))
    }
  }

  #join(): void {
    const seed = this.#count++
    const child = this.#scene.start([PROGRAM, this.#scene.path, `p${seed}`, `${seed}`, `${this.#startedMs}`])
    this.#clients.push({ child, stalledMs: 0 })
  }
}

test('clients that are killed and frozen see one store', async () => {
  const scene = new Scene()
  try {
    const store = await scene.open()
    const crowd = new Crowd(scene)
    const random = randomOf(1)
    const untilMs = performance.now() + STORM_MS
    const faults = { kills: 0, freezes: 0 }
    while (performance.now() < untilMs) {
      await pause(random(400))
      if (random(4) > 0) {
        await crowd.kill(random)
        faults.kills++
      } else {
        await crowd.freeze(random)
        faults.freezes++
      }
    }
    await crowd.end()
    const history = [...crowd.history, ...(await readAll(store, crowd.history))]
    const judged = judge(history)
    console.log(
      formatJudgement('sqlite', `${faults.kills} kill -9 and ${faults.freezes} SIGSTOP of clients`, judged),
    )
    assert.equal(judged.faults, [])
    assertTelling(judged, STORM_MS)
  } finally {
    await scene.end()
  }
})

test.run()
