/** How each trigger's source is: how old its number is, what it cost, whether it can be read. */
import type { TriggerVerdict } from '../../scaling/decide.ts'
import type { Description } from '../describe/description.ts'
import { formatSpan } from '../duration.ts'
import { type ScalerRecord, triggerLabel } from './record.ts'

/** `rabbitmq/orders   4.0 s old   12 ms   ok` */
export function sourceRows({ scaler, nowMs }: Description): readonly (readonly string[])[] {
  const triggers = scaler?.present?.triggers ?? []
  const seen = new Set<string>()
  const rows: (readonly string[])[] = []
  for (const verdict of triggers) {
    if (seen.has(verdict.key)) continue
    seen.add(verdict.key)
    rows.push([
      triggerLabel({ ...verdict, metric: '' }, triggers),
      ageOf(verdict, scaler, nowMs),
      costOf(verdict.key, scaler),
      stateOf(verdict),
    ])
  }
  return rows
}

function ageOf(verdict: TriggerVerdict, scaler: ScalerRecord | undefined, nowMs: number): string {
  const sampled = scaler?.samples.find(({ demand }) =>
    Object.entries(demand).some(
      ([key, value]) => value !== null && (key === verdict.key || key.startsWith(`${verdict.key}/`)),
    ),
  )
  const decidedMs = Date.parse(scaler?.present?.at ?? '')
  const readMs = verdict.ageMs === undefined ? Number.NaN : decidedMs - verdict.ageMs
  const newestMs = Math.max(
    Number.isNaN(readMs) ? Number.NEGATIVE_INFINITY : readMs,
    sampled?.atMs ?? Number.NEGATIVE_INFINITY,
  )
  return Number.isFinite(newestMs) ? `${formatSpan(nowMs - newestMs)} old` : 'never read'
}

function costOf(key: string, scaler: ScalerRecord | undefined): string {
  const tookMs = scaler?.samples.find((sample) => sample.tookMs?.[key] !== undefined)?.tookMs?.[key]
  if (tookMs === undefined) return ''
  return tookMs < 10 ? `${tookMs.toFixed(1)} ms` : `${Math.round(tookMs)} ms`
}

function stateOf({ error, failures }: TriggerVerdict): string {
  if (error === undefined || error === null) return 'ok'
  return `${failures > 1 ? `failed ${failures} times: ` : ''}${error}`
}
