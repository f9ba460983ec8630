/** What is kept of a ScaledJob. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { JobRecords, type TimedJobsDecision } from '../../../src/controllers/scaledjob/records.ts'
import { readDecision } from '../../../src/scaling/sample.ts'
import type { HistoryEntry } from '../../../src/telemetry/history/history.ts'

const decision: TimedJobsDecision = {
  at: '2026-11-21T12:00:00.000Z',
  create: 0,
  active: true,
  queueLength: 7,
  maxScale: 4,
  running: 4,
  pending: 1,
  triggers: [
    { key: 'work', label: 'redis/work', value: 7, target: 2, active: true, error: undefined, failures: 0 },
    {
      key: 'mail',
      label: 'redis/mail',
      value: undefined,
      target: 2,
      active: undefined,
      error: 'away',
      failures: 2,
    },
  ],
  because: '4 wanted, 4 run',
}

function kept(...decisions: readonly TimedJobsDecision[]): readonly HistoryEntry[] {
  const entries: HistoryEntry[] = []
  const records = new JobRecords(
    { object: 'ScaledJob/shop/import', uid: 'a' },
    { append: (entry) => void entries.push(entry) },
  )
  for (const one of decisions) records.looked(one)
  return entries
}

test('a look leaves the newest decision and a sample', () => {
  const [latest, sample, ...others] = kept(decision)
  assert.equal(others, [])
  assert.is(latest?.kind, 'latest')
  assert.equal([latest?.object, latest?.uid], ['ScaledJob/shop/import', 'a'])
  assert.equal(sample?.content, {
    replicas: 4,
    desired: 4,
    ready: 3,
    active: true,
    demand: { work: 7, mail: null },
    errors: { mail: 'away' },
  })
})

test('a decision is kept where it made Jobs, and samples five seconds apart', () => {
  const after = (seconds: number) => ({
    ...decision,
    create: seconds === 1 ? 2 : 0,
    at: new Date(Date.parse(decision.at) + seconds * 1_000).toISOString(),
  })
  const kinds = kept(decision, after(1), after(6)).map(({ kind }) => kind)
  assert.equal(kinds, ['latest', 'sample', 'latest', 'decision', 'latest', 'sample'])
})

test('it reads as a decision: from the Jobs that run to those and the new ones', () => {
  const read = readDecision(JSON.parse(JSON.stringify({ ...decision, create: 2 })))
  assert.is(read?.from, 4)
  assert.is(read?.to, 6)
  assert.equal(
    read?.triggers.map(({ type, text, error }) => [type, text, error]),
    [
      ['redis', '7 waiting, 2 for each Job', undefined],
      ['redis', 'nothing known, 2 for each Job', 'away'],
    ],
  )
  assert.is(read?.steps[0]?.text, '4 wanted, 4 run')
})

test.run()
