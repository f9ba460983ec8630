/** Demand as it was, read from CSV. */
import { NsctlError } from '../../core/errors.ts'

/** Evenly spaced. */
export interface Trace {
  /** Wall clock: the beginning of the first bin. */
  readonly startMs: number
  readonly stepMs: number
  /** Of each bin, finite, not below 0. */
  readonly values: readonly number[]
}

export interface TraceOptions {
  /** For messages: the file's name. */
  readonly source: string
  /** The distance of two rows; that of the first two where left out. */
  readonly stepMs?: number | undefined
}

const MOST_ROWS = 5_000_000
/** Larger numbers lose what smaller ones add. */
const MOST_VALUE = 1e15
/** The year 10000. */
const END_MS = 253_402_300_800_000

/**
 * `timestamp,value` and rows of both; columns may stand in any order among others. A timestamp is ISO 8601 (UTC where it names no zone) or a number of
 * seconds or milliseconds since 1970. Throws Invalid with the line of what is wrong: no number, below 0, not in order, a gap. What is not
 * known is not made up.
 */
export function parseTrace(text: string, { source, stepMs }: TraceOptions): Trace {
  const lines = text.split('\n')
  const fault = (line: number, what: string, next?: string) =>
    new NsctlError('Invalid', `${source}:${line}: ${what}`, next === undefined ? {} : { next })
  const { timeAt, valueAt, first } = readHeader(lines, fault)
  const values: number[] = []
  let startMs = 0
  let step = stepMs
  for (let index = first; index < lines.length; index++) {
    const line = lines[index]!.trim()
    if (line === '') continue
    const cells = line.split(',')
    const [time = '', number = ''] = [cells[timeAt]?.trim(), cells[valueAt]?.trim()]
    const atMs = readTime(time)
    if (atMs === undefined) throw fault(index + 1, `no time: ${JSON.stringify(time.slice(0, 40))}`, TIMES)
    const value = number === '' ? Number.NaN : Number(number)
    if (!(value >= 0 && value <= MOST_VALUE))
      throw fault(index + 1, `no number from 0 to ${MOST_VALUE}: ${JSON.stringify(number.slice(0, 40))}`)
    if (values.length === 0) startMs = atMs
    else if (values.length === 1) step ??= atMs - startMs
    if (values.length > 0)
      checkPlace(atMs - startMs, values.length, step!, (what, next) => fault(index + 1, what, next))
    values.push(value)
    if (values.length > MOST_ROWS) throw fault(index + 1, `more than ${MOST_ROWS} rows`)
  }
  if (step !== undefined && !(step >= 1))
    throw new NsctlError('Invalid', `a step of ${step} ms`, { value: step, next: 'write it like --step 1m' })
  if (step === undefined || values.length === 0)
    throw fault(lines.length, 'a trace needs two rows at least', 'or one and --step')
  return { startMs, stepMs: step, values }
}

const TIMES = 'write 2026-11-20T08:00:00Z, or seconds since 1970'

type Fault = (line: number, what: string, next?: string) => NsctlError

function readHeader(
  lines: readonly string[],
  fault: Fault,
): { timeAt: number; valueAt: number; first: number } {
  const names = (lines[0] ?? '')
    .replace(/^\ufeff/, '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
  const timeAt = names.findIndex((name) => name === 'timestamp' || name === 'time')
  const valueAt = names.indexOf('value')
  if (timeAt >= 0 && valueAt >= 0) return { timeAt, valueAt, first: 1 }
  throw fault(
    1,
    'the columns timestamp and value are missing',
    'begin the file with the line timestamp,value',
  )
}

function readTime(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) {
    const number = Number(text)
    // seconds until the year 5138, milliseconds since March 1973
    const atMs = number < 1e11 ? number * 1000 : number
    return atMs < END_MS ? atMs : undefined
  }
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return undefined
  const iso = text.replace(' ', 'T')
  const hasZone = /(Z|[+-]\d\d:?\d\d)$/i.test(iso) || !iso.includes('T')
  const atMs = Date.parse(hasZone ? iso : `${iso}Z`)
  return Number.isNaN(atMs) ? undefined : atMs
}

function checkPlace(
  sinceMs: number,
  index: number,
  stepMs: number,
  fault: (what: string, next?: string) => NsctlError,
): void {
  if (sinceMs <= 0 || stepMs <= 0) throw fault('times must rise from row to row')
  const place = sinceMs / stepMs
  if (Math.abs(place - index) <= 0.5) return
  if (place < index)
    throw fault(`nearer than a step (${stepMs / 1000} s) to the row before`, 'give the step: --step')
  const missing = Math.round(place) - index
  throw fault(
    `${missing} ${missing === 1 ? 'row is' : 'rows are'} missing before it (step ${stepMs / 1000} s)`,
    'fill the gap, or give the step: --step',
  )
}
