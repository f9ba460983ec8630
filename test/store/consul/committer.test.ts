/** Commits over a Consul that loses requests and answers, and lets requests arrive late: each happens once or not at all. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Clock } from '../../../src/core/clock.ts'
import { randomIds } from '../../../src/core/ids.ts'
import { parseConsulUrl } from '../../../src/store/consul/address.ts'
import { Committer } from '../../../src/store/consul/committer.ts'
import { openFormat } from '../../../src/store/consul/format.ts'
import { Layout } from '../../../src/store/consul/layout.ts'
import { decodeLog } from '../../../src/store/consul/records.ts'
import { sizeOf } from '../../../src/store/consul/sizes.ts'
import { Recall } from '../../../src/store/recall.ts'
import type { Entry, Operation } from '../../../src/store/store.ts'
import { put, remove } from '../contract-read.ts'
import { type Committed, judgeState } from '../history.ts'
import { FakeKv, type Fault } from './fake-kv.ts'

const KEYS = ['a', 'b', 'c', 'node/n1/a', 'node/n2/a'] as const
const address = parseConsulUrl('consul://h/p')
const layout = new Layout(address.prefix)

const addTo = (committer: Committer, transaction: readonly Operation[]) =>
  committer.add([transaction], [sizeOf(transaction, layout)])

/** Waits as long as a turn of the event loop takes, and counts it as what was asked for. */
function hurriedClock(): Clock {
  let nowMs = 0
  return {
    now: () => nowMs,
    monotonic: () => nowMs,
    schedule(delayMs, run) {
      const handle = setImmediate(() => {
        nowMs += delayMs
        run()
      })
      return () => clearImmediate(handle)
    },
  }
}

/** Small, fast and seeded, so that a failure can be had again (mulberry32). */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

interface Outcome {
  readonly committed: Committed[]
  readonly unknown: (readonly Operation[])[]
  conflicts: number
  faults: number
}

async function storm(
  seed: number,
  faulty: number,
  giveUpMs: number,
): Promise<{ readonly kv: FakeKv; readonly outcome: Outcome }> {
  const random = randomOf(seed)
  const outcome: Outcome = { committed: [], unknown: [], conflicts: 0, faults: 0 }
  const late: (() => void)[] = []
  const kinds: readonly Fault[] = ['request lost', 'answer lost', 'late']
  let isCalm = true
  const kv = new FakeKv({
    fault: () => {
      if (isCalm || random(100) >= faulty) return 'none'
      outcome.faults++
      return kinds[random(kinds.length)]!
    },
    later: (arrive) => late.push(arrive),
  })
  const format = await openFormat({ client: kv, layout, address, create: true })
  const clock = hurriedClock()
  isCalm = false
  // two shards only, so that writers meet
  const committers = Array.from({ length: 3 }, () => {
    const shared = { client: kv, layout, sizes: format.sizes, clock, giveUpMs, ids: randomIds }
    return new Committer({ ...shared, recall: new Recall(), pick: () => random(2) })
  })
  const write = async (writer: number) => {
    for (let round = 0; round < 25; round++) {
      if (late.length > 0 && random(4) === 0) late.splice(random(late.length), 1)[0]!()
      const transaction = transactionOf(kv, random, `${writer}.${round}`)
      try {
        const [result] = await addTo(committers[writer % committers.length]!, transaction)
        if (result!.kind === 'conflict') outcome.conflicts++
        else outcome.committed.push({ revision: result!.revision, transaction })
      } catch {
        outcome.unknown.push(transaction)
      }
    }
  }
  await Promise.all(Array.from({ length: 6 }, (_, writer) => write(writer)))
  isCalm = true
  for (const arrive of late) arrive()
  return { kv, outcome }
}

/** One to two keys, sometimes as they are now; and one that nobody else ever writes, by which it is known again. */
function transactionOf(kv: FakeKv, random: (below: number) => number, name: string): readonly Operation[] {
  const keys = [...new Set([KEYS[random(KEYS.length)]!, KEYS[random(KEYS.length)]!])]
  const changes = keys.map((key) => {
    const now = kv.entries.get(layout.dataKey(key))?.index ?? 0
    const kind = random(4)
    if (now > 0 && kind === 0) return remove(key, now)
    return kind < 3 ? put(key, `${name}.${key}`, now) : put(key, `${name}.${key}`)
  })
  return [...changes, put(`made/${name}`, name, 0)]
}

function entriesOf(kv: FakeKv): readonly Entry[] {
  return [...kv.entries]
    .filter(([key]) => key.startsWith(layout.data))
    .map(([key, { value, index }]) => ({ key: layout.keyOf(key), value, revision: index }))
}

/** Every commit is in a log once, and every log is without gaps. */
function judgeLogs(kv: FakeKv, committed: readonly Committed[]): readonly string[] {
  const faults: string[] = []
  const told = new Map<number, Set<string>>()
  for (const [key, { value, index }] of kv.entries) {
    const record = key.startsWith(`${layout.prefix}feed/log/`) ? decodeLog(value) : undefined
    if (record === undefined) continue
    if (told.has(index)) faults.push(`revision ${index} is in two logs`)
    told.set(index, new Set([...record.put, ...record.delete]))
  }
  for (const { revision, transaction } of committed)
    for (const { key } of transaction)
      if (!told.get(revision)?.has(key)) faults.push(`${key}@${revision} is in no log`)
  return faults
}

for (const { name, faulty, giveUpMs } of [
  { name: 'nothing fails', faulty: 0, giveUpMs: 10_000 },
  { name: 'one request in ten fails', faulty: 10, giveUpMs: 10_000 },
  { name: 'every second request fails', faulty: 50, giveUpMs: 10_000 },
  { name: 'writers give up soon', faulty: 40, giveUpMs: 120 },
]) {
  test(`commits happen once or not at all where ${name}`, async () => {
    let [commits, conflicts, faults, unknown] = [0, 0, 0, 0]
    for (let seed = 1; seed <= 20; seed++) {
      const { kv, outcome } = await storm(seed, faulty, giveUpMs)
      const entries = entriesOf(kv)
      const made = new Map(entries.map((entry) => [entry.key, entry]))
      for (const transaction of outcome.unknown) {
        const entry = made.get(transaction.at(-1)!.key)
        if (entry !== undefined) outcome.committed.push({ revision: entry.revision, transaction })
      }
      assert.equal(judgeState(outcome.committed, [], entries), [], `seed ${seed}`)
      assert.equal(judgeLogs(kv, outcome.committed), [], `seed ${seed}`)
      commits += outcome.committed.length
      conflicts += outcome.conflicts
      faults += outcome.faults
      unknown += outcome.unknown.length
    }
    assert.ok(commits > 500 && conflicts > 100, `${commits} commits, ${conflicts} conflicts`)
    assert.ok(faulty === 0 || faults > 100, `${faults} faults`)
    if (giveUpMs > 1_000) assert.ok(unknown < commits / 50, `${unknown} unknown`)
    else assert.ok(unknown > 0)
  })
}

test('what was given up on cannot happen any more once the next commit is through', async () => {
  const late: (() => void)[] = []
  let fault: Fault = 'none'
  const kv = new FakeKv({ fault: () => fault, later: (arrive) => late.push(arrive) })
  const { sizes } = await openFormat({ client: kv, layout, address, create: true })
  let picked = 0
  const committer = new Committer({
    ...{
      client: kv,
      layout,
      sizes,
      clock: hurriedClock(),
      giveUpMs: 100,
      ids: randomIds,
      recall: new Recall(),
    },
    pick: (count) => picked++ % count,
  })
  await addTo(committer, [put('before', '1')])
  fault = 'late'
  const given = await addTo(committer, [put('a', 'late', 0)]).then(String, String)
  assert.match(given, 'whether the last change was written is not known')
  assert.ok(late.length > 0)
  fault = 'none'
  await addTo(committer, [put('b', '1', 0)])
  for (const arrive of late) arrive()
  assert.equal(
    entriesOf(kv).map(({ key }) => key),
    ['before', 'b'],
  )
})

test('what Consul refuses for a reason of its own is not tried for ever', async () => {
  let fault: Fault = 'none'
  const kv = new FakeKv({ fault: () => fault, later: () => {} })
  const { sizes } = await openFormat({ client: kv, layout, address, create: true })
  let nowMs = 0
  const clock: Clock = { ...hurriedClock(), monotonic: () => nowMs++ }
  const committer = new Committer({
    ...{ client: kv, layout, sizes, clock, giveUpMs: 50, ids: randomIds, recall: new Recall() },
    pick: () => 0,
  })
  fault = 'refused'
  const given = await addTo(committer, [put('a', '1', 0)]).then(String, String)
  assert.match(given, 'Consul refused a change of p/data/a again and again')
  fault = 'none'
  await addTo(committer, [put('a', '1', 0)])
})

test.run()
