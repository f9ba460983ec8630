/** An hour of demand and replicas in a line each. */
import type { Block } from '../describe/layout.ts'
import { CHART_MS, type ScalerRecord, type TimedSample, triggerLabel } from './record.ts'
import { bucket, type Point, sparkline } from './sparkline.ts'

/** At 80 columns both lines fit beside each other. */
const LEAST_CELLS = 20
const MOST_CELLS = 60
/** What stands beside the lines. */
const BESIDE = 38

export interface ChartOptions {
  readonly nowMs: number
  readonly columns: number
}

/** One block: demand of the trigger that decides, and replicas behind it. None where there are no samples. */
export function chartLines(record: ScalerRecord | undefined, options: ChartOptions): readonly Block[] {
  if (record === undefined || record.samples.length < 2) return []
  const { nowMs, columns } = options
  const cells = Math.min(MOST_CELLS, Math.max(LEAST_CELLS, Math.floor((columns - BESIDE) / 2)))
  const { spanMs, name } = spanOf(record.samples, nowMs)
  const span = { fromMs: nowMs - spanMs, toMs: nowMs + 1, cells }
  const key = chartedKey(record)
  const demand =
    key === undefined
      ? []
      : bucket(
          pointsOf(record.samples, ({ demand: all }) => all[key]),
          span,
        )
  const points = pointsOf(record.samples, (sample) => sample.replicas)
  // a sample is of before its decision
  const now = record.present === undefined ? [] : [{ atMs: nowMs, value: record.present.to }]
  const replicas = bucket([...points, ...now], { ...span, holds: true })
  const replicasText = `${sparkline(replicas)}   0–${largest(replicas)}`
  if (key === undefined || demand.every((value) => value === undefined))
    return [['Replicas', [`${replicasText}, ${name}`]]]
  const what = labelOfKey(record, key)
  return [
    ['Demand', [`${sparkline(demand)}   ${name}     Replicas ${sparkline(replicas)}`]],
    ['', [`${what}, at most ${shortNumber(largest(demand))}; replicas at most ${largest(replicas)}`]],
  ]
}

/** As short as holds all samples: what is a minute old would be a speck in an hour. */
const SPANS = [
  { spanMs: 5 * 60_000, name: '5 m' },
  { spanMs: 15 * 60_000, name: '15 m' },
] as const

function spanOf(
  samples: readonly TimedSample[],
  nowMs: number,
): { readonly spanMs: number; readonly name: string } {
  const oldestMs = samples.at(-1)?.atMs ?? nowMs
  return SPANS.find(({ spanMs }) => nowMs - oldestMs <= spanMs) ?? { spanMs: CHART_MS, name: '1 h' }
}

/** Of the trigger that decides, else of the first that has numbers. */
function chartedKey({ present, samples }: ScalerRecord): string | undefined {
  const deciding = present?.triggers.find(({ decides }) => decides)
  const keys = new Set(
    samples.flatMap(({ demand }) => Object.keys(demand).filter((key) => typeof demand[key] === 'number')),
  )
  if (deciding !== undefined)
    for (const key of [`${deciding.key}/${deciding.metric}`, deciding.key]) if (keys.has(key)) return key
  return [...keys].sort()[0]
}

function labelOfKey({ present }: ScalerRecord, key: string): string {
  const verdict = present?.triggers.find((one) => one.key === key || `${one.key}/${one.metric}` === key)
  return verdict === undefined ? key : triggerLabel(verdict, present?.triggers ?? [])
}

function pointsOf(
  samples: readonly TimedSample[],
  numberOf: (sample: TimedSample) => number | null | undefined,
): readonly Point[] {
  return samples.flatMap((sample) => {
    const value = numberOf(sample)
    return typeof value === 'number' ? [{ atMs: sample.atMs, value }] : []
  })
}

function largest(values: readonly (number | undefined)[]): number {
  return Math.max(0, ...values.filter((value) => value !== undefined))
}

function shortNumber(value: number): string {
  return Number(value.toPrecision(6)).toLocaleString('en-US', { maximumFractionDigits: 3 })
}
