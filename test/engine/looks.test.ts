import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../src/core/clock.ts'
import { NsctlError } from '../../src/core/errors.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { type Looker, Looks } from '../../src/engine/looks.ts'

const INTERVAL_MS = 30_000

/** One that is looked at in no time, or when its gate opens. */
class Fake implements Looker {
  readonly intervalMs = INTERVAL_MS
  readonly atMs: number[] = []
  readonly #all: All
  polls = true
  decisions = 0
  decideAfterMs = Number.POSITIVE_INFINITY
  error: Error | undefined
  isClosed = false

  constructor(all: All) {
    this.#all = all
  }

  async poll(): Promise<void> {
    this.atMs.push(this.#all.clock.monotonic())
    this.#all.underWay++
    this.#all.mostUnderWay = Math.max(this.#all.mostUnderWay, this.#all.underWay)
    await this.#all.gate
    this.#all.underWay--
    if (this.error !== undefined) throw this.error
  }

  async decide(): Promise<void> {
    this.decisions++
  }

  pollInMs(): number {
    return INTERVAL_MS * (1 + (this.#all.random() * 2 - 1) * 0.05)
  }

  decideInMs(): number {
    return this.decideAfterMs
  }

  async close(): Promise<void> {
    this.isClosed = true
  }
}

interface All {
  readonly clock: ManualClock
  readonly lateMs: number[]
  readonly fakes: Fake[]
  readonly looks: Looks<Fake>
  readonly random: () => number
  gate: Promise<void> | undefined
  underWay: number
  mostUnderWay: number
}

function setUp(count: number, caughtUp = false): All {
  const clock = new ManualClock()
  let seed = 1
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed / 2_147_483_647
  }
  const lateMs: number[] = []
  const looks = new Looks<Fake>({
    kind: 'Fake',
    ...{ clock, random },
    logger: silentLogger,
    caughtUp: () => caughtUp,
    count: () => count,
    onPolled: (late) => lateMs.push(late),
  })
  const all: All = { clock, lateMs, fakes: [], looks, random, gate: undefined, underWay: 0, mostUnderWay: 0 }
  for (let index = 0; index < count; index++) all.fakes.push(looks.add(String(index), new Fake(all)))
  return all
}

const turns = async (count = 3) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

async function pass(clock: ManualClock, ms: number, stepMs: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(stepMs)
    await turns(2)
  }
}

async function running(all: All, run: () => Promise<void>): Promise<void> {
  const stop = new AbortController()
  const ended = all.looks.runnable('fakes').run(stop.signal)
  try {
    await run()
  } finally {
    stop.abort()
    await ended
  }
}

test('ten thousand are spread over their interval at the start, and looked at on time from then on', async () => {
  const all = setUp(10_000)
  for (const ref of all.fakes.keys()) await all.looks.carryOut(String(ref), 'look')
  await running(all, async () => {
    await pass(all.clock, 150_000, 50)
    const counts = all.fakes.map(({ atMs }) => atMs.length)
    assert.ok(
      Math.min(...counts) >= 4 && Math.max(...counts) <= 6,
      `${Math.min(...counts)} to ${Math.max(...counts)}`,
    )
    const perSecond = new Map<number, number>()
    for (const { atMs } of all.fakes)
      for (const at of atMs)
        perSecond.set(Math.floor(at / 1000), (perSecond.get(Math.floor(at / 1000)) ?? 0) + 1)
    assert.ok(Math.max(...perSecond.values()) < 500, `${Math.max(...perSecond.values())} in a second`)
    const late = all.lateMs.filter((ms) => ms > 1_000).length
    assert.is(late, 0)
    assert.ok(all.mostUnderWay <= 256)
  })
  assert.ok(all.fakes.every(({ isClosed }) => isClosed))
})

test('a thousand that hang hold no more places than there are, and nobody is looked at twice at once', async () => {
  const all = setUp(1_000)
  const gate = Promise.withResolvers<void>()
  all.gate = gate.promise
  for (const ref of all.fakes.keys()) await all.looks.carryOut(String(ref), 'look')
  await running(all, async () => {
    await pass(all.clock, 120_000, 500)
    assert.is(all.mostUnderWay, 256)
    assert.ok(all.fakes.every(({ atMs }) => atMs.length <= 1))
    all.gate = undefined
    gate.resolve()
    await pass(all.clock, 40_000, 100)
    assert.ok(all.fakes.every(({ atMs }) => atMs.length >= 1))
  })
})

test('one that comes later is looked at at once, and an order meanwhile is carried out afterwards', async () => {
  const all = setUp(1, true)
  const [fake] = all.fakes as [Fake]
  const gate = Promise.withResolvers<void>()
  all.gate = gate.promise
  await running(all, async () => {
    await all.looks.carryOut('0', 'look')
    await pass(all.clock, 10, 1)
    await all.looks.carryOut('0', 'look')
    await pass(all.clock, 10, 1)
    assert.is(fake.atMs.length, 1)
    gate.resolve()
    await pass(all.clock, 10, 1)
    assert.is(fake.atMs.length, 2)
  })
})

test('it is decided without a look when a schedule says so, and the look that is due is not put off', async () => {
  const all = setUp(1, true)
  const [fake] = all.fakes as [Fake]
  fake.decideAfterMs = 7_000
  await running(all, async () => {
    await all.looks.carryOut('0', 'look')
    await pass(all.clock, 27_000, 100)
    assert.is(fake.atMs.length, 1)
    assert.is(fake.decisions, 3)
    await pass(all.clock, 6_000, 100)
    assert.is(fake.atMs.length, 2)
  })
})

test('what cannot be written is tried again, ever later, and soon again once it can', async () => {
  const all = setUp(1, true)
  const [fake] = all.fakes as [Fake]
  fake.error = new NsctlError('Unreachable', 'the store is away')
  await running(all, async () => {
    await all.looks.carryOut('0', 'look')
    await pass(all.clock, 60_000, 100)
    assert.ok(fake.atMs.length >= 4 && fake.atMs.length <= 8, `${fake.atMs.length} tries`)
    fake.error = undefined
    await pass(all.clock, 45_000, 100)
    const before = fake.atMs.length
    await pass(all.clock, 60_000, 100)
    assert.ok(fake.atMs.length - before <= 2)
  })
})

test('where another leads it ends with that', async () => {
  const all = setUp(2, true)
  const [fake] = all.fakes as [Fake]
  fake.error = new NsctlError('Fenced', 'another leads')
  const ended = all.looks
    .runnable('fakes')
    .run(new AbortController().signal)
    .then(
      () => 'in order',
      (thrown) => thrown.code,
    )
  await all.looks.carryOut('0', 'look')
  await pass(all.clock, 10, 1)
  assert.is(await ended, 'Fenced')
  assert.ok(all.fakes.every(({ isClosed }) => isClosed))
})

test.run()
