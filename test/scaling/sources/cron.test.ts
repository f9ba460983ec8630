import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import type { ValueReading } from '../../../src/scaling/source.ts'
import { cron } from '../../../src/scaling/sources/cron.ts'
import { sourceContext, triggerConfig } from './double.ts'

const OFFICE = { start: '0 8 * * 1-5', end: '0 18 * * 1-5', timezone: 'Europe/Berlin', desiredReplicas: '7' }

async function at(time: string, metadata: Readonly<Record<string, string>> = {}) {
  const context = sourceContext({ clock: new ManualClock(Date.parse(time)) })
  const source = cron.open(triggerConfig({ type: 'cron', metadata: { ...OFFICE, ...metadata } }), context)
  const { metrics, active } = (await source.measure(new AbortController().signal)) as ValueReading
  return { ...metrics[0], active }
}

const inside = { name: '', value: 7, target: 1, active: true }
const outside = { name: '', value: 1, target: 1, active: false }
const NIGHT = { start: '0 22 * * *', end: '0 6 * * *' }
/** Through the gap at 02:00 on 2026-03-29 and through the overlap at 03:00 on 2026-10-25. */
const SMALL_HOURS = { start: '30 2 * * *', end: '30 3 * * *' }

for (const c of [
  { name: 'before its start', time: '2026-01-05T07:59:59+01:00', want: outside },
  { name: 'at its start', time: '2026-01-05T08:00:00+01:00', want: inside },
  { name: 'in its timezone, in summer', time: '2026-07-06T06:00:00Z', want: inside },
  { name: 'in its timezone, in summer, before', time: '2026-07-06T05:59:59Z', want: outside },
  { name: 'in its midst', time: '2026-01-05T12:00:00+01:00', want: inside },
  { name: 'just before its end', time: '2026-01-05T17:59:59+01:00', want: inside },
  { name: 'at its end', time: '2026-01-05T18:00:00+01:00', want: outside },
  { name: 'at the weekend', time: '2026-01-10T12:00:00+01:00', want: outside },
  { name: 'over midnight, before it', time: '2026-01-05T23:00:00+01:00', metadata: NIGHT, want: inside },
  { name: 'over midnight, after it', time: '2026-01-06T05:00:00+01:00', metadata: NIGHT, want: inside },
  { name: 'over midnight, at noon', time: '2026-01-06T12:00:00+01:00', metadata: NIGHT, want: outside },
  {
    name: 'where the start is in a gap: before',
    time: '2026-03-29T00:59:59Z',
    metadata: SMALL_HOURS,
    want: outside,
  },
  {
    name: 'where the start is in a gap: from its end',
    time: '2026-03-29T01:00:00Z',
    metadata: SMALL_HOURS,
    want: inside,
  },
  {
    name: 'where the start comes twice: the first',
    time: '2026-10-25T00:30:00Z',
    metadata: SMALL_HOURS,
    want: inside,
  },
  {
    name: 'where the start comes twice: the second',
    time: '2026-10-25T01:30:00Z',
    metadata: SMALL_HOURS,
    want: inside,
  },
  {
    name: 'where the start comes twice: after the end',
    time: '2026-10-25T02:30:00Z',
    metadata: SMALL_HOURS,
    want: outside,
  },
])
  test(`cron ${c.name}`, async () => assert.equal(await at(c.time, c.metadata), c.want))

for (const [parameter, metadata] of [
  ['start', { start: '0 8 * *' }],
  ['end', { end: '61 18 * * *' }],
  ['start', { timezone: 'Mars/Olympus' }],
] as const)
  test(`cron refuses ${JSON.stringify(metadata)}`, async () => {
    const error = await at('2026-01-05T12:00:00Z', metadata).catch((thrown) => thrown)
    assert.ok(isNsctlError(error, 'Invalid'), `${error}`)
    assert.is(error.value, parameter)
  })

test.run()
