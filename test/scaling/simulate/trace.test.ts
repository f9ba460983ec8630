import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { demandOf, meanUpTo } from '../../../src/scaling/simulate/demand.ts'
import { traceOfSamples } from '../../../src/scaling/simulate/samples.ts'
import { parseTrace } from '../../../src/scaling/simulate/trace.ts'

const source = 'demand.csv'
const START = Date.UTC(2026, 10, 20, 8)

for (const c of [
  {
    name: 'ISO times without a zone are UTC',
    text: 'timestamp,value\n2026-11-20T08:00,4\n2026-11-20T08:01,5.5\n',
  },
  {
    name: 'a zone counts',
    text: 'timestamp,value\n2026-11-20T09:00:00+01:00,4\n2026-11-20T09:01:00+01:00,5.5',
  },
  { name: 'seconds since 1970', text: `timestamp,value\n${START / 1000},4\n${START / 1000 + 60},5.5\n` },
  { name: 'milliseconds since 1970', text: `timestamp,value\n${START},4\n${START + 60_000},5.5\n` },
  {
    name: 'columns in any order, among others',
    text: 'host,Value,Timestamp\na,4,2026-11-20 08:00\nb, 5.5 ,2026-11-20 08:01',
  },
  {
    name: 'a mark of order, CRLF and empty lines',
    text: '\ufefftimestamp,value\r\n2026-11-20T08:00Z,4\r\n\r\n2026-11-20T08:01Z,5.5\r\n',
  },
])
  test(`a trace is read: ${c.name}`, () => {
    assert.equal(parseTrace(c.text, { source }), { startMs: START, stepMs: 60_000, values: [4, 5.5] })
  })

for (const c of [
  { name: 'no header', text: '2026-11-20T08:00,4', message: /^demand.csv:1: the columns/ },
  { name: 'nothing', text: '', message: /^demand.csv:1: the columns/ },
  { name: 'one row', text: 'timestamp,value\n2026-11-20T08:00,4\n', message: /two rows/ },
  {
    name: 'no time',
    text: 'timestamp,value\n2026-11-20T08:00,4\nsoon,4',
    message: /^demand.csv:3: no time: "soon"/,
  },
  {
    name: 'no number',
    text: 'timestamp,value\n2026-11-20T08:00,many',
    message: /^demand.csv:2: no number from 0 to 1000000000000000: "many"/,
  },
  {
    name: 'an empty number',
    text: 'timestamp,value\n2026-11-20T08:00,',
    message: /^demand.csv:2: no number/,
  },
  {
    name: 'a number below 0',
    text: 'timestamp,value\n2026-11-20T08:00,-1',
    message: /^demand.csv:2: no number/,
  },
  {
    name: 'infinity',
    text: 'timestamp,value\n2026-11-20T08:00,Infinity',
    message: /^demand.csv:2: no number/,
  },
  {
    name: 'time that stands',
    text: 'timestamp,value\n2026-11-20T08:00,1\n2026-11-20T08:00,1',
    message: /^demand.csv:3: times must rise/,
  },
  {
    name: 'a gap',
    text: 'timestamp,value\n2026-11-20T08:00,1\n2026-11-20T08:01,1\n2026-11-20T08:04,1',
    message: /^demand.csv:4: 2 rows are missing before it \(step 60 s\)/,
  },
  {
    name: 'a row too many',
    text: 'timestamp,value\n2026-11-20T08:00,1\n2026-11-20T08:01,1\n2026-11-20T08:01:10,1',
    message: /^demand.csv:4: nearer than a step/,
  },
])
  test(`a trace is refused: ${c.name}`, () => {
    assert.throws(
      () => parseTrace(c.text, { source }),
      (error: Error) => isNsctlError(error, 'Invalid') && c.message.test(error.message),
    )
  })

test('a row with a step is enough', () => {
  const text = 'timestamp,value\n2026-11-20T08:00,6\n'
  assert.equal(parseTrace(text, { source, stepMs: 30_000 }).values, [6])
})

const trace = { startMs: START, stepMs: 60_000, values: [60, 120, 0] }
const ticks = { tickMs: 15_000, unit: 'perBin' } as const

test('nothing but Invalid is thrown, whatever a file holds', () => {
  const cell = fc.oneof(
    fc.constantFrom(
      'timestamp',
      'value',
      '1',
      '61',
      '121',
      '1e5',
      '0',
      '9'.repeat(30),
      '1e400',
      '2026-01-01',
      'NaN',
      '',
    ),
    fc.string({ maxLength: 6 }),
  )
  const row = fc.array(cell, { maxLength: 3 }).map((cells) => cells.join(','))
  fc.assert(
    fc.property(fc.array(row, { maxLength: 6 }), fc.boolean(), (rows, headed) => {
      try {
        const found = parseTrace([...(headed ? ['timestamp,value'] : []), ...rows].join('\n'), { source })
        const { values } = demandOf(found, { ...ticks, shape: 'linear' })
        assert.ok(values.every((value) => value >= 0 && Number.isFinite(value)))
      } catch (error) {
        assert.ok(isNsctlError(error, 'Invalid'), String(error))
      }
    }),
    { numRuns: 2000 },
  )
})

test('a trace of a century is refused before it is laid out', () => {
  const rows = parseTrace('timestamp,value\n1926-01-01,1\n2026-01-01,1', { source })
  assert.throws(
    () => demandOf(rows, { ...ticks, shape: 'held' }),
    (error: Error) => isNsctlError(error, 'Invalid'),
  )
})

test('demand runs straight from the middle of a bin to that of the next', () => {
  const { values } = demandOf(trace, { ...ticks, shape: 'linear' })
  assert.equal([...values], [1, 1, 1, 1.25, 1.5, 1.75, 2, 1.5, 1, 0.5, 0, 0])
})

test('demand is held all through a bin', () => {
  const { values } = demandOf(trace, { ...ticks, shape: 'held' })
  assert.equal([...values], [1, 1, 1, 1, 2, 2, 2, 2, 0, 0, 0, 0])
})

test('levels are taken as they are, and a part may be tried', () => {
  const part = { fromMs: START + 60_000, toMs: START + 120_000 }
  const { values, startMs } = demandOf(trace, { ...ticks, unit: 'level', shape: 'held', ...part })
  assert.equal([...values], [120, 120, 120, 120])
  assert.is(startMs, START + 60_000)
})

test('a mean is of the samples of its span, as far as there are any', () => {
  const demand = demandOf(trace, { ...ticks, shape: 'held' })
  assert.is(meanUpTo(demand, 0, 60_000), 1)
  assert.is(meanUpTo(demand, 4, 60_000), (7 + 2) / 8)
  assert.is(meanUpTo(demand, 7, 15_000), 2)
})

test('samples become a bin a minute; what was not measured is told', () => {
  const at = (minute: number, second: number, value: number | null) => ({
    atMs: START + minute * 60_000 + second * 1000,
    demand: { queue: value },
  })
  const samples = [at(3, 0, 9), at(0, 10, 2), at(0, 40, 4), at(1, 0, null), at(1, 30, -1)]
  const { trace: made, bridged } = traceOfSamples(samples, 'queue')
  assert.equal(made, { startMs: START, stepMs: 60_000, values: [3, 3, 3, 9] })
  assert.is(bridged, 2)
  assert.throws(
    () => traceOfSamples(samples, 'other'),
    (error: Error) => isNsctlError(error, 'NotFound'),
  )
})

test.run()
