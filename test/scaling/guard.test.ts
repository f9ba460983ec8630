import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../src/core/clock.ts'
import { NsctlError } from '../../src/core/errors.ts'
import { timeoutOf } from '../../src/scaling/guard/timeout.ts'
import { SourceGuards } from '../../src/scaling/guard.ts'
import type { Reading, Source, SourceType } from '../../src/scaling/source.ts'
import { sourceContext, triggerConfig } from './sources/double.ts'

const values = (value: number): Reading => ({
  kind: 'values',
  metrics: [{ name: '', value }],
  active: value > 0,
})
const never = new AbortController().signal
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A source that answers by script, and guards over it whose clock stands still. */
function bench(parts: { readonly shareable?: boolean } = {}) {
  const clock = new ManualClock()
  const script: { answer: () => Promise<Reading> } = { answer: async () => values(1) }
  const counts = { measured: 0, atOnce: 0, most: 0, opened: 0, closed: 0, loaded: 0, listened: 0 }
  const push: { tell: ((reading: Reading) => void) | undefined; fail: (error: unknown) => void } = {
    tell: undefined,
    fail: () => {},
  }
  const signals: AbortSignal[] = []
  const source = (): Source => ({
    async measure(signal) {
      signals.push(signal)
      counts.measured++
      counts.atOnce++
      counts.most = Math.max(counts.most, counts.atOnce)
      try {
        return await script.answer()
      } finally {
        counts.atOnce--
      }
    },
    listen(listener, signal) {
      counts.listened++
      push.tell = listener
      return new Promise((resolve, reject) => {
        push.fail = reject
        signal.addEventListener('abort', () => resolve())
      })
    },
    async close() {
      counts.closed++
    },
  })
  const type: SourceType = {
    types: ['script'],
    ...(parts.shareable === false ? {} : { shareable: true }),
    open() {
      counts.opened++
      return source()
    },
  }
  const guards = new SourceGuards({
    context: sourceContext({ clock }),
    load(name) {
      counts.loaded++
      return name === 'script' ? Promise.resolve(type) : undefined
    },
    steadyMs: () => 1_000_000 + clock.monotonic(),
    random: () => 1,
  })
  const open = (metadata: Record<string, string> = {}) =>
    guards.open(triggerConfig({ type: 'script', metadata }))
  return { clock, script, counts, guards, open, push, signals }
}

test('a poll tells the reading, when it was read, and what it cost', async () => {
  const { clock, script, open } = bench()
  const source = await open()
  script.answer = async () => {
    clock.advance(20)
    return values(7)
  }
  const input = await source.poll(never)
  assert.equal(input, { reading: values(7), readAtMs: 1_000_020, error: undefined, failures: 0 })
  clock.advance(500)
  const { lastValue, ageMs, tookMs, looks, lookedMs, breaker } = source.facts()
  assert.equal([lastValue, ageMs, tookMs, looks, lookedMs, breaker], [7, 500, 20, 1, 20, 'closed'])
})

test('a failure keeps the last reading beside the error, and is counted until it succeeds', async () => {
  const { clock, script, open } = bench()
  const source = await open()
  await source.poll(never)
  script.answer = async () => {
    throw new NsctlError('Unreachable', 'gone')
  }
  clock.advance(1_000)
  assert.equal(await source.poll(never), {
    reading: values(1),
    readAtMs: 1_000_000,
    error: 'gone',
    failures: 1,
  })
  assert.is((await source.poll(never)).failures, 2)
  assert.is(source.facts().ageMs, 1_000)
  script.answer = async () => values(3)
  assert.equal((await source.poll(never)).failures, 0)
  assert.is(source.facts().error, undefined)
})

for (const [name, value] of [
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
] as const)
  test(`${name} is an error, whichever source says it`, async () => {
    const { script, open } = bench()
    script.answer = async () => values(value)
    const { reading, error } = await (await open()).poll(never)
    assert.is(reading, undefined)
    assert.match(String(error), name)
  })

test('a source that hangs is given up after its limit, and asked again only when it has ended', async () => {
  const { clock, script, open, counts, signals } = bench()
  const source = await open({ timeout: '250' })
  let answer: (reading: Reading) => void = () => {}
  script.answer = () => new Promise((resolve) => (answer = resolve))
  const first = source.poll(never)
  await settled()
  clock.advance(249)
  assert.not.ok(signals[0]?.aborted)
  clock.advance(1)
  assert.ok(signals[0]?.aborted)
  clock.advance(100)
  assert.match(String((await first).error), /did not answer in time \(0\.25 s\)/)
  const second = source.poll(never)
  await settled()
  assert.is(counts.measured, 1, 'the first has not ended')
  answer(values(5))
  script.answer = async () => values(6)
  assert.equal((await second).reading, values(6))
  assert.is(counts.most, 1)
})

test('what a source says about its end in time is what is told', async () => {
  const { clock, script, open, signals } = bench()
  script.answer = () =>
    new Promise((_resolve, reject) =>
      signals
        .at(-1)
        ?.addEventListener('abort', () =>
          reject(new NsctlError('Unreachable', 'redis at host did not answer in time')),
        ),
    )
  const source = await open()
  const poll = source.poll(never)
  await settled()
  clock.advance(3_000)
  assert.is((await poll).error, 'redis at host did not answer in time (3 s)')
})

test('the breaker opens after five failures, tells the error meanwhile, and lets one look through', async () => {
  const { clock, script, open, counts } = bench()
  const source = await open()
  script.answer = async () => {
    throw new NsctlError('Unreachable', 'refused')
  }
  for (let i = 0; i < 5; i++) await source.poll(never)
  assert.is(counts.measured, 5)
  assert.is(source.facts().breaker, 'open')
  for (let i = 0; i < 1_000; i++) {
    const { error, failures } = await source.poll(never)
    assert.is(error, 'refused')
    assert.is(failures, 6 + i, 'each poll counts: a fallback must come into force')
  }
  assert.is(counts.measured, 5)
  clock.advance(5_000)
  await source.poll(never)
  assert.is(counts.measured, 6)
  clock.advance(9_999)
  await source.poll(never)
  assert.is(counts.measured, 6, 'twice as long after a probe that failed')
  script.answer = async () => values(2)
  clock.advance(1)
  assert.is((await source.poll(never)).error, undefined)
  assert.is(source.facts().breaker, 'closed')
})

test('the breaker waits a minute at most', async () => {
  const { clock, script, open, counts } = bench()
  const source = await open()
  script.answer = async () => {
    throw new Error('refused')
  }
  for (let i = 0; i < 40; i++) {
    await source.poll(never)
    clock.advance(60_000)
  }
  assert.is(counts.measured, 40)
})

test('equal triggers share one source and one look', async () => {
  const { clock, open, counts } = bench()
  const [a, b, other] = await Promise.all([
    open({ query: 'up', threshold: '1' }),
    open({ threshold: '1', query: 'up' }),
    open({ query: 'down', threshold: '1' }),
  ])
  assert.is(counts.opened, 2)
  assert.is(counts.loaded, 1)
  await Promise.all([a.poll(never), b.poll(never)])
  assert.is(counts.measured, 1, 'polls at the same time share one look')
  clock.advance(10)
  await b.poll(never, { maxAgeMs: 15 })
  assert.is(counts.measured, 1)
  clock.advance(5)
  await b.poll(never, { maxAgeMs: 15 })
  assert.is(counts.measured, 2)
  await a.poll(never)
  assert.is(counts.measured, 3, 'without an age it looks')
  assert.is(a.facts().users, 2)
  await a.close()
  await a.close()
  await b.poll(never, { maxAgeMs: 15 })
  assert.is(counts.measured, 4, 'one that is alone looks at each poll')
  assert.is(counts.closed, 0)
  await b.close()
  assert.is(counts.closed, 1)
  await other.close()
})

test('failures are counted for each that shares', async () => {
  const { script, open } = bench()
  const [a, b] = [await open(), await open()]
  script.answer = async () => {
    throw new Error('no')
  }
  await a.poll(never)
  await a.poll(never)
  assert.is((await b.poll(never)).failures, 1)
  assert.is((await a.poll(never)).failures, 3)
})

test('types that depend on whose trigger it is are not shared', async () => {
  const { open, counts } = bench({ shareable: false })
  await open()
  await open()
  assert.is(counts.opened, 2)
})

test('one that stops waiting does not end the look of another, and the last one does', async () => {
  const { script, open, signals, counts } = bench()
  const [a, b] = [await open(), await open()]
  let answer: (reading: Reading) => void = () => {}
  script.answer = () => new Promise((resolve) => (answer = resolve))
  const [leaving, staying] = [new AbortController(), new AbortController()]
  const first = a.poll(leaving.signal).catch((error) => error)
  const second = b.poll(staying.signal)
  await settled()
  leaving.abort(new Error('enough'))
  assert.is((await first).message, 'enough')
  assert.not.ok(signals[0]?.aborted)
  answer(values(9))
  assert.equal((await second).reading, values(9))
  const third = a.poll(AbortSignal.abort(new Error('before'))).catch((error) => error)
  assert.is((await third).message, 'before')
  const alone = new AbortController()
  const fourth = a.poll(alone.signal).catch((error) => error)
  await settled()
  alone.abort(new Error('all gone'))
  assert.is((await fourth).message, 'all gone')
  assert.ok(signals[1]?.aborted)
  assert.is(a.facts().failures, 0, 'that is no failure')
  script.answer = async () => values(4)
  const fifth = a.poll(never)
  answer(values(0))
  assert.equal((await fifth).reading, values(4))
  assert.is(counts.most, 1)
})

test('what is pushed is told to all who listen, and is the last value', async () => {
  const { open, push, counts } = bench()
  const [a, b] = [await open(), await open()]
  const told: unknown[] = []
  const stop = new AbortController()
  const listening = [a, b].map((source, i) => source.listen?.((input) => told.push([i, input]), stop.signal))
  assert.is(counts.listened, 1)
  push.tell?.(values(12))
  const input = { reading: values(12), readAtMs: 1_000_000, error: undefined, failures: 0 }
  assert.equal(told, [
    [0, input],
    [1, input],
  ])
  assert.is(a.facts().lastValue, 12)
  stop.abort()
  await Promise.all(listening)
  push.tell?.(values(13))
  assert.is(told.length, 2)
})

test('a subscription that can never work is told to each who listens', async () => {
  const { open, push } = bench()
  const source = await open()
  const listening = source.listen?.(() => {}, never).catch((error) => error.message)
  push.fail(new NsctlError('Invalid', 'no such stream'))
  assert.is(await listening, 'no such stream')
})

test('a type without a source is Unsupported, and one that cannot be loaded is tried again', async () => {
  const { guards, open } = bench()
  const error = await guards.open(triggerConfig({ type: 'nosuch', metadata: {} })).catch((thrown) => thrown)
  assert.is(error.code, 'Unsupported')
  const source = await open()
  await guards.close()
  const closed = await source.poll(never).catch((thrown) => thrown)
  assert.match(closed.message, 'closed')
})

for (const [text, want] of [
  ['500', 500],
  ['5s', 5_000],
  ['1m30s', 90_000],
  ['', undefined],
  ['0', undefined],
  ['soon', undefined],
  ['9h', 300_000],
] as const)
  test(`a timeout of "${text}" is ${want} ms`, () => {
    assert.is(timeoutOf({ metadata: { timeout: text } }), want)
  })

test.run()
