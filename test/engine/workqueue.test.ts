import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../src/core/clock.ts'
import type { QueueProbe } from '../../src/engine/metrics.ts'
import { type Work, WorkQueue, type WorkQueueOptions } from '../../src/engine/workqueue.ts'

function queueOn(clock: ManualClock, more: Partial<WorkQueueOptions<string>> = {}): WorkQueue<string> {
  return new WorkQueue<string>({ clock, random: () => 0.999999, keyText: (key) => key, ...more })
}

function takeAll(queue: WorkQueue<string>): readonly string[] {
  const keys: string[] = []
  for (let work = queue.take(); work !== undefined; work = queue.take()) {
    keys.push(work.key)
    queue.done(work)
  }
  return keys
}

test('hands out keys in the order in which they came, each once', () => {
  const queue = queueOn(new ManualClock())
  for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key)
  assert.is(queue.depth, 3)
  assert.equal(takeAll(queue), ['a', 'b', 'c'])
  assert.is(queue.size, 0)
})

test('a key added while it is processed is handed out again, but not before it is done', () => {
  const queue = queueOn(new ManualClock())
  queue.add('a')
  const work = queue.take() as Work<string>
  queue.add('a')
  queue.add('a')
  assert.is(queue.take(), undefined)
  queue.done(work)
  assert.equal(takeAll(queue), ['a'])
})

test('keeps the order of thousands that come and go', () => {
  const queue = queueOn(new ManualClock())
  const taken: number[] = []
  for (let i = 0; i < 10_000; i++) {
    queue.add(String(i))
    if (i % 3 === 0) continue
    const work = queue.take() as Work<string>
    taken.push(Number(work.key))
    queue.done(work)
  }
  taken.push(...takeAll(queue).map(Number))
  assert.is(taken.length, 10_000)
  assert.ok(taken.every((one, index) => one === index))
})

test('a pass is over once all that waited has been processed, and what failed has succeeded', async () => {
  const clock = new ManualClock()
  const queue = queueOn(clock)
  for (const key of ['a', 'b']) queue.add(key)
  let isOver = false
  void queue.pass().then(() => {
    isOver = true
  })
  const process = async (work: Work<string> | undefined, fails = false) => {
    if (fails) queue.addRateLimited(work!.key)
    else queue.forget(work!.key)
    queue.done(work!)
    await Promise.resolve()
  }
  const a = queue.take()
  queue.add('later')
  await process(queue.take(), true)
  await process(a)
  assert.is(isOver, false, 'b has failed')
  clock.advance(60_000)
  assert.is(queue.take()?.key, 'later')
  await process(queue.take())
  assert.is(isOver, true, 'nobody waits for what came later')
})

test('a pass does not wait for ever for what keeps failing, and not for nothing', async () => {
  const clock = new ManualClock()
  const queue = queueOn(clock)
  await queue.pass()
  queue.add('a')
  const passed = queue.pass()
  for (let failures = 0; failures < 5; failures++) {
    const work = queue.take()!
    queue.addRateLimited(work.key)
    queue.done(work)
    clock.advance(600_000)
  }
  await passed
})

test('done twice is done once', () => {
  const queue = queueOn(new ManualClock())
  queue.add('a')
  const work = queue.take() as Work<string>
  queue.done(work)
  queue.add('a')
  queue.done(work)
  assert.equal(takeAll(queue), ['a'])
})

test('of several delays of one key the earliest holds, and it is added once', () => {
  const clock = new ManualClock()
  const queue = queueOn(clock)
  queue.addAfter('a', 500)
  queue.addAfter('a', 200)
  queue.addAfter('a', 900)
  clock.advance(199)
  assert.equal(takeAll(queue), [])
  clock.advance(1)
  assert.equal(takeAll(queue), ['a'])
  clock.advance(10_000)
  assert.equal(takeAll(queue), [])
  assert.is(queue.size, 0)
})

test('a delay outlives an earlier processing of its key, unless that supersedes it', () => {
  const clock = new ManualClock()
  const queue = queueOn(clock)
  queue.addAfter('a', 500)
  queue.addAfter('b', 500)
  queue.add('a')
  queue.add('b')
  assert.equal(queue.take()?.key, 'a')
  const work = queue.take() as Work<string>
  queue.supersedeDelay(work)
  queue.done(work)
  clock.advance(500)
  queue.add('c')
  assert.equal(queue.take()?.key, 'c', 'a is in processing and waits for done, b was superseded')
})

test('a delay of nothing adds at once', () => {
  const queue = queueOn(new ManualClock())
  for (const delayMs of [0, -5, Number.NaN]) {
    queue.addAfter('a', delayMs)
    assert.equal(takeAll(queue), ['a'])
  }
})

test('failures back off exponentially up to the maximum, until forgotten', () => {
  const clock = new ManualClock()
  const queue = queueOn(clock, { random: () => 1, backoff: { baseMs: 10, maxMs: 50 } })
  const delays = Array.from({ length: 5 }, () => {
    const delayMs = queue.addRateLimited('a')
    clock.advance(50)
    takeAll(queue)
    return delayMs
  })
  assert.equal(delays, [10, 20, 40, 50, 50])
  queue.forget('a')
  assert.is(queue.addRateLimited('a'), 10)
})

test('the default backoff is 5 ms doubled up to 1000 s, with full jitter', () => {
  const queue = queueOn(new ManualClock(), { random: () => 0.5 })
  assert.equal([queue.addRateLimited('a'), queue.addRateLimited('a')], [2.5, 5])
  for (let i = 0; i < 2000; i++) queue.addRateLimited('a')
  assert.is(queue.addRateLimited('a'), 500_000)
})

test('the rate limit spaces out what the backoff would let through', () => {
  const clock = new ManualClock()
  const queue = queueOn(clock, { random: () => 0, rateLimit: { perSecond: 10, burst: 2 } })
  const delays = ['a', 'b', 'c', 'd'].map((key) => Math.round(queue.addRateLimited(key)))
  assert.equal(delays, [0, 0, 100, 200])
  clock.advance(1000)
  assert.is(queue.addRateLimited('e'), 0)
})

test('shutDown hands out no more, drops what waits, and resolves when nothing is processed', async () => {
  const clock = new ManualClock()
  const queue = queueOn(clock)
  queue.add('a')
  queue.add('b')
  queue.addAfter('c', 10)
  const work = queue.take() as Work<string>
  let drained = false
  const down = queue.shutDown().then(() => {
    drained = true
  })
  assert.is(queue.take(), undefined)
  queue.add('d')
  clock.advance(100)
  assert.is(queue.depth, 0)
  await Promise.resolve()
  assert.is(drained, false)
  queue.done(work)
  await down
  assert.is(queue.shutDown(), queue.shutDown())
  assert.is(queue.size, 0)
})

test('tells its metrics what happened, and answers the probe', () => {
  const clock = new ManualClock()
  const told: string[] = []
  let probe: QueueProbe | undefined
  const queue = queueOn(clock, {
    random: () => 0.5,
    metrics: (one) => {
      probe = one
      return {
        added: () => told.push('added'),
        taken: (ms) => told.push(`taken after ${ms}`),
        done: (ms) => told.push(`done in ${ms}`),
        retried: () => told.push('retried'),
      }
    },
  })
  queue.add('a')
  queue.add('a')
  assert.is(probe?.depth(), 1)
  clock.advance(7)
  const work = queue.take() as Work<string>
  clock.advance(3)
  assert.equal(probe?.runningMs(), [3])
  queue.addRateLimited('a')
  queue.done(work)
  clock.advance(5)
  assert.equal(told, ['added', 'taken after 7', 'retried', 'done in 3', 'added'])
})

/** What a history of commands did, judged by a model that knows nothing of how the queue is built. */
class Model {
  readonly clock = new ManualClock()
  readonly queue = queueOn(this.clock)
  readonly held = new Map<string, Work<string>>()
  /** Keys that were added since they were last handed out. */
  readonly owed = new Set<string>()
  /** Delays that have not fallen due: they turn into debts. */
  delayed: { readonly key: string; readonly dueAtMs: number }[] = []

  take(): void {
    const work = this.queue.take()
    if (work === undefined) {
      const waiting = [...this.owed].filter((key) => !this.held.has(key))
      assert.equal(waiting, [], 'nothing to take, though something was added')
      return
    }
    assert.not(this.held.has(work.key), `${work.key} is processed twice at once`)
    assert.ok(this.owed.delete(work.key), `${work.key} was handed out though nobody had added it`)
    this.held.set(work.key, work)
  }

  done(key: string): void {
    const work = this.held.get(key)
    if (work === undefined) return
    this.held.delete(key)
    this.queue.done(work)
  }

  advance(byMs: number): void {
    this.clock.advance(byMs)
    const nowMs = this.clock.monotonic()
    for (const { key, dueAtMs } of this.delayed) if (dueAtMs <= nowMs) this.owed.add(key)
    this.delayed = this.delayed.filter(({ dueAtMs }) => dueAtMs > nowMs)
  }

  after(key: string, delayMs: number): void {
    const dueAtMs = this.clock.monotonic() + delayMs
    const earlier = this.delayed.find((one) => one.key === key)
    if (delayMs <= 0) this.owed.add(key)
    else if (earlier === undefined || dueAtMs < earlier.dueAtMs) {
      this.delayed = [...this.delayed.filter((one) => one.key !== key), { key, dueAtMs }]
    }
  }
}

const key = fc.constantFrom('a', 'b', 'c', 'd')
const command = fc.oneof(
  key.map((one) => (model: Model) => {
    model.owed.add(one)
    model.queue.add(one)
  }),
  fc.tuple(key, fc.integer({ min: 0, max: 20 })).map(([one, delayMs]) => (model: Model) => {
    model.after(one, delayMs)
    model.queue.addAfter(one, delayMs)
  }),
  key.map((one) => (model: Model) => model.after(one, model.queue.addRateLimited(one))),
  key.map((one) => (model: Model) => model.queue.forget(one)),
  fc.constant((model: Model) => model.take()),
  key.map((one) => (model: Model) => model.done(one)),
  fc.integer({ min: 0, max: 15 }).map((byMs) => (model: Model) => model.advance(byMs)),
)

test('property: nothing added is lost or invented, and no key is processed twice at once', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 120 }), (commands) => {
      const model = new Model()
      for (const run of commands) run(model)
      // at the end everything that is owed comes out, and then the queue remembers nothing
      model.advance(10_000_000)
      for (const one of [...model.held.keys()]) model.done(one)
      for (let rounds = 0; model.owed.size > 0; rounds++) {
        assert.ok(rounds < 10, `never handed out: ${[...model.owed]}`)
        model.take()
        for (const one of [...model.held.keys()]) model.done(one)
      }
      assert.is(model.queue.take(), undefined)
      for (const one of ['a', 'b', 'c', 'd']) model.queue.forget(one)
      assert.is(model.queue.size, 0)
    }),
    { numRuns: 1000 },
  )
})

test('property: delays come out in order of time, whatever was moved up', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 50 }))),
      (delays) => {
        const clock = new ManualClock()
        const queue = queueOn(clock)
        const earliest = new Map<string, number>()
        for (const [id, delayMs] of delays) {
          queue.addAfter(`k${id}`, delayMs)
          earliest.set(`k${id}`, Math.min(delayMs, earliest.get(`k${id}`) ?? Number.POSITIVE_INFINITY))
        }
        const seen = new Map<string, number>()
        for (let nowMs = 1; nowMs <= 50; nowMs++) {
          clock.advance(1)
          for (const one of takeAll(queue)) seen.set(one, nowMs)
        }
        assert.equal(new Map([...seen].sort()), new Map([...earliest].sort()))
      },
    ),
  )
})

test.run()
