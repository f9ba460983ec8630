/** What is kept for how long. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  DECISIONS_KEPT,
  keep,
  LAST_DECISIONS_KEPT,
  retentionAt,
} from '../../../src/telemetry/history/retention.ts'
import { DAY_MS, decision, HOUR_MS, sample } from './entries.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')

function samplesEvery(everyMs: number, fromMs: number, toMs: number) {
  return Array.from({ length: Math.floor((toMs - fromMs) / everyMs) }, (_, i) => sample(fromMs + i * everyMs))
}

test('samples of the last hour all stay', () => {
  const entries = samplesEvery(5_000, NOW - HOUR_MS + 60_000, NOW)
  assert.is(keep(entries, retentionAt(NOW)).length, entries.length)
})

test('samples of the last day are thinned to the last of each minute', () => {
  const entries = samplesEvery(5_000, NOW - 3 * HOUR_MS, NOW - 2 * HOUR_MS)
  const kept = keep(entries, retentionAt(NOW))
  assert.is(kept.length, 60)
  assert.is(kept[0]?.atMs, NOW - 3 * HOUR_MS + 55_000)
})

test('samples of the last week are thinned to the last of ten minutes, and then they go', () => {
  const week = keep(samplesEvery(60_000, NOW - 3 * DAY_MS, NOW - 2 * DAY_MS), retentionAt(NOW))
  assert.is(week.length, 144)
  assert.is(keep(samplesEvery(60_000, NOW - 9 * DAY_MS, NOW - 8 * DAY_MS), retentionAt(NOW)).length, 0)
})

test('decisions stay for a week, and the last of a quiet object for longer', () => {
  const old = Array.from({ length: 30 }, (_, i) => decision(NOW - 20 * DAY_MS + i))
  const kept = keep(old, retentionAt(NOW))
  assert.is(kept.length, LAST_DECISIONS_KEPT)
  assert.is(kept.at(-1)?.atMs, NOW - 20 * DAY_MS + 29)
  assert.is(keep([decision(NOW - 91 * DAY_MS)], retentionAt(NOW)).length, 0)
})

test('so many decisions of an object and no more', () => {
  const many = Array.from({ length: DECISIONS_KEPT + 50 }, (_, i) => decision(NOW - HOUR_MS + i))
  const kept = keep(many, retentionAt(NOW))
  assert.is(kept.length, DECISIONS_KEPT)
  assert.is(kept[0]?.atMs, NOW - HOUR_MS + 50)
})

test('a part of the ages keeps less', () => {
  const entries = samplesEvery(60_000, NOW - 3 * DAY_MS, NOW)
  const all = keep(entries, retentionAt(NOW)).length
  assert.ok(keep(entries, retentionAt(NOW, 1 / 8)).length < all / 2)
})

test.run()
