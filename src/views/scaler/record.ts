/** What is known of a scaler besides the object itself: the present decision, those before, and an hour of samples. */
import type { Client } from '../../client/client.ts'
import { type Json, valueAt } from '../../core/json.ts'
import type { AnyResource } from '../../resources/object.ts'
import type { Decision, TriggerVerdict } from '../../scaling/decide.ts'
import { historySubject, readDecision, readSample, type ScalerSample } from '../../scaling/sample.ts'
import { textAt } from '../fields.ts'

export const CHART_MS = 3_600_000
const DECISIONS_SHOWN = 5
/** Decisions are kept as well where something else changed than the number: an error, a pause. */
const DECISIONS_READ = 50

export interface TimedSample extends ScalerSample {
  readonly atMs: number
}

export interface ScalerRecord {
  /** The newest that is known, whether or not it changed anything. */
  readonly present: Decision | undefined
  /** Those that changed the number, newest first. */
  readonly decisions: readonly Decision[]
  /** Of the last hour, newest first. */
  readonly samples: readonly TimedSample[]
}

export function timezoneOf(object: AnyResource): string {
  return textAt(object, 'spec.timezone') ?? 'UTC'
}

export async function gatherScaler(
  client: Pick<Client, 'scalerHistory'>,
  object: AnyResource,
  nowMs: number,
): Promise<ScalerRecord> {
  const subject = historySubject(object)
  const [latest, decisions, samples] = await Promise.all([
    client.scalerHistory({ ...subject, kind: 'latest', limit: 1 }),
    client.scalerHistory({ ...subject, kind: 'decision', limit: DECISIONS_READ }),
    client.scalerHistory({ ...subject, kind: 'sample', fromMs: nowMs - CHART_MS }),
  ])
  const read = decisions.flatMap(({ content }) => readDecision(content) ?? [])
  const changes = read.filter(({ from, to }) => from !== to).slice(0, DECISIONS_SHOWN)
  const stored = storedDecision(object)
  const known = [...latest.flatMap(({ content }) => readDecision(content) ?? []), ...read]
  if (stored !== undefined) known.push(stored)
  return {
    present: newest(known),
    // no history here: the object itself says at least the last
    decisions: read.length === 0 && stored !== undefined && stored.from !== stored.to ? [stored] : changes,
    samples: samples.flatMap(({ atMs, content }) => {
      const sample = readSample(content)
      return sample === undefined ? [] : [{ ...sample, atMs }]
    }),
  }
}

/** The decision that the object's status says. */
export function storedDecision(object: AnyResource): Decision | undefined {
  return readDecision(valueAt(object, ['status', 'decision']) as Json | undefined)
}

function newest(decisions: readonly Decision[]): Decision | undefined {
  return [...decisions].sort((a, b) => Date.parse(b.at) - Date.parse(a.at))[0]
}

/** A trigger for people: `rabbitmq/orders`, `cpu`; `redis-1` for one of several without a name. */
export function triggerLabel(verdict: TriggerVerdict, all: readonly TriggerVerdict[]): string {
  const { key, type, metric } = verdict
  const isUnnamed = new RegExp(`^${type.replace(/[^\w-]/g, '.')}-\\d+$`).test(key)
  const isOnly = all.every((other) => other.type !== type || other.key === key)
  const name = isUnnamed ? (isOnly ? type : key) : key === type ? type : `${type}/${key}`
  return metric === '' || metric === undefined ? name : `${name} ${metric}`
}
