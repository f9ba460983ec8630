/** The history's port, in memory and in a file, and what is the file's alone. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { suite, test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import { type Logger, silentLogger } from '../../../src/core/logger.ts'
import type { HistoryEntry, HistoryStore } from '../../../src/telemetry/history/history.ts'
import { MemoryHistory } from '../../../src/telemetry/history/memory.ts'
import { keep, retentionAt } from '../../../src/telemetry/history/retention.ts'
import { openSqliteHistory } from '../../../src/telemetry/history/sqlite/history.ts'
import { openSqliteHistoryReader } from '../../../src/telemetry/history/sqlite/reader.ts'
import { DAY_MS, decision, HOUR_MS, sample, UID, WEB } from './entries.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')

interface Bed {
  readonly clock: ManualClock
  readonly path: string
  readonly lines: string[]
  readonly logger: Logger
}

async function withBed(run: (bed: Bed) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'nsctl-history-'))
  const lines: string[] = []
  const logger: Logger = { log: (_, message) => void lines.push(message), with: () => logger }
  try {
    await run({ clock: new ManualClock(NOW), path: join(directory, 'sub', 'history.db'), lines, logger })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const STORES: Readonly<Record<string, (bed: Bed) => Promise<HistoryStore>>> = {
  memory: async ({ clock }) => new MemoryHistory(clock),
  sqlite: (bed) => openSqliteHistory(bed),
}

for (const [name, open] of Object.entries(STORES)) {
  const contract = suite(name)

  contract('lists the newest first, from included, to excluded, as many as asked for', () =>
    withBed(async (bed) => {
      const history = await open(bed)
      for (const atMs of [1000, 3000, 2000, 4000]) history.append(sample(atMs))
      history.append(decision(2500))
      history.append(sample(2600, 'ScaledObject/other/web'))
      const times = async (query: object) =>
        (await history.list({ object: WEB, kind: 'sample', ...query })).map(({ atMs }) => atMs)
      assert.equal(await times({}), [4000, 3000, 2000, 1000])
      assert.equal(await times({ fromMs: 2000, toMs: 4000 }), [3000, 2000])
      assert.equal(await times({ limit: 1 }), [4000])
      assert.equal(await history.list({ object: WEB, kind: 'decision' }), [decision(2500)])
      assert.equal(await history.list({ object: 'ScaledObject/default/none', kind: 'sample' }), [])
      await history.close()
    }),
  )

  contract('keeps the first of two at the same time', () =>
    withBed(async (bed) => {
      const history = await open(bed)
      history.append(decision(1000))
      await history.list({ object: WEB, kind: 'decision' })
      history.append({ ...decision(1000), content: 'another' })
      assert.equal(await history.list({ object: WEB, kind: 'decision' }), [decision(1000)])
      await history.close()
    }),
  )

  contract('keeps one latest of each object, the newest', () =>
    withBed(async (bed) => {
      const history = await open(bed)
      const latest = (atMs: number, object = WEB): HistoryEntry => ({
        ...decision(atMs, object),
        kind: 'latest',
      })
      const found = async () => (await history.list({ object: WEB, kind: 'latest' })).map(({ atMs }) => atMs)
      history.append(latest(1000))
      history.append(latest(1001))
      history.append(latest(1005, 'ScaledObject/default/mail'))
      assert.equal(await found(), [1001])
      history.append(latest(1003))
      assert.equal(await found(), [1003])
      history.append(latest(1002))
      assert.equal(await found(), [1003])
      assert.is((await history.list({ object: 'ScaledObject/default/mail', kind: 'latest' })).length, 1)
      await history.close()
    }),
  )

  contract('of one name each has its own, and they can be had together', () =>
    withBed(async (bed) => {
      const history = await open(bed)
      for (const [uid, atMs] of [
        ['one', 1000],
        ['two', 1000],
        ['two', 2000],
      ] as const)
        for (const kind of ['decision', 'sample', 'latest'] as const)
          history.append({ ...decision(atMs), uid, kind })
      const found = async (query: object) =>
        (await history.list({ object: WEB, kind: 'sample', ...query })).map(
          ({ uid, atMs }) => `${uid} ${atMs}`,
        )
      assert.equal(await found({ uid: 'one' }), ['one 1000'])
      assert.equal(await found({ uid: 'two', kind: 'decision' }), ['two 2000', 'two 1000'])
      assert.equal(await found({ uid: 'two', kind: 'decision', limit: 1 }), ['two 2000'])
      assert.equal(await found({ uid: 'none' }), [])
      assert.equal((await found({})).toSorted(), ['one 1000', 'two 1000', 'two 2000'])
      assert.equal(await found({ kind: 'latest' }), ['two 2000', 'one 1000'])
      assert.equal(await found({ kind: 'latest', uid: 'one' }), ['one 1000'])
      await history.close()
    }),
  )

  contract('forgets what is old', () =>
    withBed(async (bed) => {
      const history = await open(bed)
      history.append(sample(NOW - 8 * DAY_MS))
      history.append(sample(NOW))
      bed.clock.advance(61_000)
      history.append(sample(NOW + 61_000))
      assert.is((await history.list({ object: WEB, kind: 'sample' })).length, 2)
      await history.close()
    }),
  )

  contract.run()
}

test('it is written within a second, and read by others meanwhile', () =>
  withBed(async (bed) => {
    const history = await openSqliteHistory(bed)
    history.append(decision(NOW))
    bed.clock.advance(1_000)
    const reader = await openSqliteHistoryReader(bed.path)
    assert.equal(await reader?.list({ object: WEB, kind: 'decision' }), [decision(NOW)])
    history.append(decision(NOW + 1))
    bed.clock.advance(1_000)
    assert.is((await reader?.list({ object: WEB, kind: 'decision' }))?.length, 2)
    reader?.close()
    await history.close()
    assert.is(statSync(bed.path).mode & 0o777, 0o600)
  }))

test('another opening goes on where the last one stopped', () =>
  withBed(async (bed) => {
    const first = await openSqliteHistory(bed)
    first.append(decision(NOW))
    await first.close()
    const second = await openSqliteHistory(bed)
    second.append(decision(NOW + 1))
    assert.is((await second.list({ object: WEB, kind: 'decision' })).length, 2)
    await second.close()
  }))

test('a file of the format before is gone on with, and what it has is of nobody in particular', () =>
  withBed(async (bed) => {
    mkdirSync(join(bed.path, '..'))
    const { DatabaseSync } = await import('node:sqlite')
    const old = new DatabaseSync(bed.path)
    old.exec(`CREATE TABLE object (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
      CREATE TABLE entry (object INTEGER NOT NULL, kind INTEGER NOT NULL, at INTEGER NOT NULL, content TEXT NOT NULL,
        PRIMARY KEY (object, kind, at)) WITHOUT ROWID;
      PRAGMA user_version = 1;
      INSERT INTO object VALUES (7, 'ScaledObject/default/mail'), (8, '${WEB}');
      INSERT INTO entry VALUES (8, 0, ${NOW}, '${JSON.stringify(decision(NOW).content)}');`)
    old.close()
    const history = await openSqliteHistory(bed)
    history.append(decision(NOW + 1))
    assert.equal(await history.list({ object: WEB, kind: 'decision' }), [
      decision(NOW + 1),
      { ...decision(NOW), uid: '' },
    ])
    assert.equal(await history.list({ object: WEB, uid: UID, kind: 'decision' }), [decision(NOW + 1)])
    await history.close()
    assert.equal(bed.lines, [])
  }))

test('two that write one file both get in', () =>
  withBed(async (bed) => {
    const [one, two] = [await openSqliteHistory(bed), await openSqliteHistory(bed)]
    one.append(decision(NOW))
    two.append(decision(NOW + 1))
    two.append(decision(NOW, 'ScaledObject/default/mail'))
    bed.clock.advance(1_000)
    assert.is((await one.list({ object: WEB, kind: 'decision' })).length, 2)
    await one.close()
    await two.close()
  }))

for (const [what, damage] of [
  [
    'no database',
    (path: string) =>
      writeFileSync(path, 'this is no database at all, and long enough to be one'.repeat(100)),
  ],
  ['cut off', (path: string) => truncateSync(path, 5_000)],
  ['of another format', (path: string) => writeFileSync(path, withUserVersion(readFileSync(path), 99))],
] as const)
  test(`a file that is ${what} is set aside, and another begun`, () =>
    withBed(async (bed) => {
      const first = await openSqliteHistory(bed)
      for (let i = 0; i < 200; i++) first.append(decision(NOW + i))
      await first.close()
      damage(bed.path)
      const second = await openSqliteHistory(bed)
      second.append(decision(NOW + 500))
      assert.ok((await second.list({ object: WEB, kind: 'decision' })).some(({ atMs }) => atMs === NOW + 500))
      assert.ok(existsSync(`${bed.path}.damaged`))
      assert.match(bed.lines.join('\n'), /damaged and a new one is begun/)
      await second.close()
    }))

/** SQLite keeps it in the header, from byte 60. */
function withUserVersion(file: Buffer, version: number): Buffer {
  file.writeUInt32BE(version, 60)
  return file
}

test('a file that was taken away is made again', () =>
  withBed(async (bed) => {
    const history = await openSqliteHistory(bed)
    history.append(decision(NOW))
    bed.clock.advance(1_000)
    for (const suffix of ['', '-wal', '-shm']) rmSync(bed.path + suffix, { force: true })
    history.append(decision(NOW + 1))
    bed.clock.advance(1_000)
    const reader = await openSqliteHistoryReader(bed.path)
    assert.equal(await reader?.list({ object: WEB, kind: 'decision' }), [decision(NOW + 1)])
    reader?.close()
    await history.close()
  }))

test('where no file can be made it is said once a minute, and what was said is kept until one can', () =>
  withBed(async (bed) => {
    const folder = join(bed.path, '..')
    writeFileSync(folder, 'in the way')
    const history = await openSqliteHistory(bed)
    for (let i = 0; i < 30; i++) {
      history.append(decision(NOW + i))
      bed.clock.advance(1_000)
    }
    assert.is(bed.lines.filter((line) => line.startsWith('the history cannot be written')).length, 1)
    rmSync(folder)
    bed.clock.advance(1_000)
    assert.is((await history.list({ object: WEB, kind: 'decision' })).length, 30)
    await history.close()
  }))

test('a file that would grow too large keeps less', () =>
  withBed(async (bed) => {
    const maxBytes = 2 * 1024 * 1024
    const history = await openSqliteHistory({ ...bed, maxBytes })
    const padding = 'x'.repeat(400)
    for (let i = 0; i < 12_000; i++) {
      history.append({
        ...sample(NOW - 6 * HOUR_MS + i * 1_000, `ScaledObject/default/w${i % 7}`),
        content: { padding, i },
      })
      if (i % 400 === 0) bed.clock.advance(10_000)
    }
    for (let i = 0; i < 20; i++) bed.clock.advance(10_000)
    history.append(sample(NOW + HOUR_MS))
    assert.is((await history.list({ object: WEB, kind: 'sample' })).length, 1)
    await history.close()
    assert.ok(statSync(bed.path).size <= maxBytes * 1.25, `${statSync(bed.path).size} bytes`)
  }))

test('nothing is forgotten just after the wall clock has jumped', () =>
  withBed(async (bed) => {
    const history = await openSqliteHistory(bed)
    history.append(sample(NOW))
    bed.clock.advance(1_000)
    bed.clock.jumpWall(30 * DAY_MS)
    bed.clock.advance(10_000)
    assert.is((await history.list({ object: WEB, kind: 'sample' })).length, 1)
    bed.clock.jumpWall(-30 * DAY_MS)
    bed.clock.advance(30_000)
    assert.is((await history.list({ object: WEB, kind: 'sample' })).length, 1)
    await history.close()
  }))

test('of samples that come all the time the file keeps the last of each minute, and of each ten', () =>
  withBed(async (bed) => {
    const history = await openSqliteHistory(bed)
    const everyMs = 5_000
    for (let ageMs = 26 * HOUR_MS; ageMs >= 0; ageMs -= everyMs) history.append(sample(NOW - ageMs))
    bed.clock.advance(10_000)
    const times = (await history.list({ object: WEB, kind: 'sample' })).map(({ atMs }) => atMs).reverse()
    const gaps = times.slice(1).map((atMs, i) => atMs - (times[i] ?? 0))
    const counts = Map.groupBy(gaps, (gapMs) => gapMs)
    assert.equal([...counts.keys()].slice(0, 3), [600_000, 60_000, 5_000])
    assert.is(counts.get(60_000)?.length, 23 * 60)
    await history.close()
  }))

test('the file forgets as the rules say', async () => {
  const entry = fc.record({
    ageMs: fc.oneof(fc.integer({ min: 0, max: 2 * HOUR_MS }), fc.integer({ min: 0, max: 9 * DAY_MS })),
    isSample: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 80 }), (entries) =>
      withBed(async (bed) => {
        const given = new Map<string, HistoryEntry>()
        const history = await openSqliteHistory({ ...bed, logger: silentLogger })
        for (const { ageMs, isSample } of entries) {
          const one = (isSample ? sample : decision)(NOW - ageMs)
          given.set(`${one.kind} ${one.atMs}`, one)
          history.append(one)
        }
        bed.clock.advance(1_000)
        bed.clock.advance(9_000)
        const want = keep([...given.values()], retentionAt(bed.clock.now()))
        for (const kind of ['decision', 'sample'] as const)
          assert.equal(
            await history.list({ object: WEB, kind }),
            want.filter((one) => one.kind === kind).sort((a, b) => b.atMs - a.atMs),
          )
        await history.close()
      }),
    ),
    { numRuns: 40 },
  )
})

test('an entry that is none does not keep others from being written', () =>
  withBed(async (bed) => {
    const history = await openSqliteHistory(bed)
    history.append({ ...decision(Number.NaN) })
    history.append({ ...decision(NOW), content: undefined as never })
    history.append(decision(NOW + 1))
    assert.is((await history.list({ object: WEB, kind: 'decision', fromMs: NOW + 1 })).length, 1)
    assert.equal(bed.lines, [])
    await history.close()
  }))

test('what is no JSON any more is left out', () =>
  withBed(async (bed) => {
    const history = await openSqliteHistory(bed)
    history.append(decision(NOW))
    history.append(decision(NOW + 1))
    await history.close()
    const { DatabaseSync } = await import('node:sqlite')
    const db = new DatabaseSync(bed.path)
    db.exec(`UPDATE entry SET content = '{' WHERE at = ${NOW}`)
    db.close()
    const reader = await openSqliteHistoryReader(bed.path)
    assert.equal(await reader?.list({ object: WEB, kind: 'decision' }), [decision(NOW + 1)])
    reader?.close()
  }))

test.run()
