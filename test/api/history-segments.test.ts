/** The ring of history in the store, and those who write and read it. */
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readSegments, segmentLog } from '../../src/api/history-segments.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import { takeSnapshot } from '../../src/store/snapshot.ts'
import type { HistoryEntry } from '../../src/telemetry/history/history.ts'
import { MemoryHistory } from '../../src/telemetry/history/memory.ts'
import { mergeSegments } from '../../src/telemetry/history/merge.ts'
import { ReplicatedHistory } from '../../src/telemetry/history/replicated.ts'
import { decodeSegment, encodeSegments } from '../../src/telemetry/history/segments.ts'
import { decision, sample, WEB } from '../telemetry/history/entries.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')

test('segments say what went in, each below its bound', async () => {
  const entry = fc.record({ atMs: fc.nat(), note: fc.string({ unit: 'grapheme' }) })
  await fc.assert(
    fc.asyncProperty(fc.array(entry), async (given) => {
      const entries = given.map(({ atMs, note }): HistoryEntry => ({ ...decision(atMs), content: { note } }))
      const segments = await encodeSegments(entries, 400)
      assert.ok(segments.every((text) => text.length <= 400))
      assert.equal(
        segments.flatMap((text) => decodeSegment(text)),
        entries,
      )
    }),
  )
})

for (const text of ['', 'no base64 ~', Buffer.from('{}').toString('base64'), 'A'.repeat(1000)])
  test(`what is no segment holds nothing: ${text.slice(0, 12)}`, () => {
    assert.equal(decodeSegment(text), [])
  })

test('the ring keeps the last 120, and tells those after a number', async () => {
  const store = createMemoryStore()
  const log = segmentLog(store, [])
  assert.equal(await log.read(0), [])
  for (let i = 1; i <= 130; i++) assert.is(await log.append(`segment ${i}`), i)
  const numbers = async (after: number) => (await log.read(after)).map(({ number }) => number)
  assert.equal((await numbers(0)).slice(0, 2), [11, 12])
  assert.equal(await numbers(128), [129, 130])
  assert.equal(await numbers(130), [])
  assert.is((await numbers(500)).length, 120, 'a ring that was begun anew is read from its beginning')
})

test('a segment tells what one object did', async () => {
  const [text = ''] = await encodeSegments([
    decision(1),
    decision(2, `${WEB}-2`),
    sample(3),
    { ...decision(4), content: WEB },
  ])
  assert.equal(
    decodeSegment(text, WEB).map(({ atMs }) => atMs),
    [1, 3, 4],
  )
})

test('a segment of an nsctl that wrote down no uid is of nobody in particular', async () => {
  const { uid: _, ...old } = decision(1)
  const [text = ''] = await encodeSegments([old as HistoryEntry, decision(2)])
  assert.equal(decodeSegment(text), [{ ...decision(1), uid: '' }, decision(2)])
})

test('a deposed leader appends nothing', async () => {
  const store = createMemoryStore()
  await store.commit([[{ kind: 'put', key: 'lease/x/epoch', value: '2' }]])
  const log = segmentLog(store, [{ kind: 'check', key: 'lease/x/epoch', expect: 999 }])
  try {
    await log.append('late')
    assert.unreachable()
  } catch (error) {
    assert.is((error as { code?: string }).code, 'Fenced')
  }
  assert.equal(await readSegments(store).read(0), [])
})

test('it stays out of copies of the store', async () => {
  const store = createMemoryStore()
  await segmentLog(store, []).append('one')
  assert.ok((await store.listKeys('history/')).length > 0)
  assert.not.ok((await takeSnapshot(store)).entries.some(({ key }) => key.startsWith('history/')))
})

/** A controller process, as far as its history goes. */
function member(store: ReturnType<typeof createMemoryStore>) {
  const clock = new ManualClock(NOW)
  const lines: string[] = []
  const logger = { ...silentLogger, log: (_: string, message: string) => void lines.push(message) }
  const local = new MemoryHistory(clock)
  const history = new ReplicatedHistory({ local, clock, logger: { ...logger, with: () => silentLogger } })
  const stop = new AbortController()
  return { clock, lines, local, history, stop, log: segmentLog(store, []) }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1_000; i++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  throw new Error('it did not come true')
}

const decisions = async (history: { list: MemoryHistory['list'] }) =>
  (await history.list({ object: WEB, kind: 'decision' })).length

test('those who stand by read along, and a successor has all but the last seconds', async () => {
  const store = createMemoryStore()
  const [leader, standby] = [member(store), member(store)]
  const leading = leader.history.publish(leader.log, leader.stop.signal)
  const following = standby.history.follow(standby.log, standby.stop.signal)
  leader.history.append(decision(NOW))
  leader.history.append(sample(NOW))
  await until(async () => {
    leader.clock.advance(5_000)
    standby.clock.advance(5_000)
    return (await decisions(standby.local)) === 1
  })
  // the leader dies with this in its last publication
  leader.history.append(decision(NOW + 1))
  leader.stop.abort()
  await leading
  const late = member(store)
  await late.history.catchUp(late.log)
  await standby.history.catchUp(standby.log)
  assert.is(await decisions(standby.local), 2)
  assert.is(await decisions(late.local), 2)
  standby.stop.abort()
  await following
})

test('of many busy scalers each has its newest decision published in its turn', async () => {
  const store = createMemoryStore()
  const leader = member(store)
  const leading = leader.history.publish(leader.log, leader.stop.signal)
  const decide = (round: number) => {
    for (let i = 0; i < 1_000; i++)
      leader.history.append({ ...decision(NOW + round, `ScaledObject/default/scaler-${i}`), kind: 'latest' })
  }
  const known = async () => {
    const entries = (await leader.log.read(0)).flatMap(({ text }) => decodeSegment(text))
    return new Map(entries.map(({ object, atMs }) => [object, atMs - NOW]))
  }
  // all of them busy all the time
  for (let round = 1; round <= 4; round++) {
    decide(round)
    const most = Math.min(1_000, 300 * round)
    await until(async () => {
      leader.clock.advance(15_000)
      return (await known()).size >= most
    })
  }
  assert.is((await known()).size, 1_000)
  leader.stop.abort()
  await leading
})

test('of ten thousand busy scalers a publication is small, and holds a sample of each', async () => {
  const store = createMemoryStore()
  const leader = member(store)
  const leading = leader.history.publish(leader.log, leader.stop.signal)
  for (let i = 0; i < 10_000; i++) {
    const object = `ScaledObject/default/scaler-${i}`
    leader.history.append({ ...sample(NOW + i, object) })
    leader.history.append({ ...decision(NOW + i, object), kind: 'latest' })
  }
  leader.history.append(decision(NOW))
  leader.stop.abort()
  await leading
  const segments = await leader.log.read(0)
  assert.ok(segments.length <= 6, `${segments.length} segments`)
  const entries = segments.flatMap(({ text }) => decodeSegment(text))
  assert.is(entries.filter(({ kind }) => kind === 'latest').length, 300)
  assert.is(entries.filter(({ kind }) => kind === 'decision').length, 1)
  const samples = new Set(entries.filter(({ kind }) => kind === 'sample').map(({ object }) => object))
  assert.is(samples.size, 10_000)
})

test('what could not be published is published later, and said once', async () => {
  const store = createMemoryStore()
  const leader = member(store)
  let isAway = true
  let tries = 0
  const log = {
    ...leader.log,
    append(text: string) {
      tries++
      return isAway ? Promise.reject(new Error('away')) : leader.log.append(text)
    },
  }
  const leading = leader.history.publish(log, leader.stop.signal)
  leader.history.append(decision(NOW))
  await until(async () => {
    leader.clock.advance(15_000)
    return tries >= 3
  })
  assert.equal(leader.lines, ['the history cannot be replicated: away'])
  leader.history.append(decision(NOW + 1))
  isAway = false
  await until(async () => {
    leader.clock.advance(15_000)
    const known = new Set(
      (await leader.log.read(0)).flatMap(({ text }) => decodeSegment(text).map(({ atMs }) => atMs)),
    )
    return known.size === 2
  })
  leader.stop.abort()
  await leading
})

test('what a file and the ring know is one answer', async () => {
  const encoded = await encodeSegments([decision(2), decision(3), sample(4), decision(9)])
  const segments = encoded.map((text, i) => ({
    number: i,
    text,
  }))
  const found = mergeSegments([decision(3), decision(1)], segments, {
    object: WEB,
    kind: 'decision',
    toMs: 9,
    limit: 2,
  })
  assert.equal(
    found.map(({ atMs }) => atMs),
    [3, 2],
  )
})

test('of several of one name each is itself, in a file and in the ring', async () => {
  const other = (atMs: number) => ({ ...decision(atMs), uid: 'two' })
  const latest = (entry: HistoryEntry): HistoryEntry => ({ ...entry, kind: 'latest' })
  const [text = ''] = await encodeSegments([other(3), latest(other(3)), latest(decision(2))])
  const segments = [{ number: 1, text }]
  const found = (entries: readonly HistoryEntry[], query: object) =>
    mergeSegments(entries, segments, { object: WEB, kind: 'decision', ...query }).map(
      ({ uid, atMs }) => `${uid} ${atMs}`,
    )
  assert.equal(found([decision(3)], {}).toSorted(), ['one 3', 'two 3'])
  assert.equal(found([decision(3)], { uid: 'one' }), ['one 3'])
  assert.equal(found([latest(decision(1))], { kind: 'latest' }), ['two 3', 'one 2'])
  assert.equal(found([latest(decision(1))], { kind: 'latest', uid: 'one' }), ['one 2'])
})

test.run()
