/** What one poll came to, in numbers only: for charts, and for a successor that goes on where another stopped. Plain JSON. */
import { isObject, type Json } from '../core/json.ts'
import type { Decision } from './decide.ts'

/** The content of a history entry of kind `sample`. Its time is the entry's. */
export interface ScalerSample {
  /** What the Service asked for when it was decided (for a ScaledJob: Jobs that run). */
  readonly replicas: number
  /** What the decision came to. */
  readonly desired: number
  readonly ready: number
  /** A trigger is active. */
  readonly active: boolean
  /** HPA's recommendation before stabilization; left out where there was none. A successor fills its window with these. */
  readonly recommended?: number
  /** As measured, by the trigger's key, and `key/metric` where it has several; null where it could not be read. */
  readonly demand: Readonly<Record<string, number | null>>
  /** Why, of those that could not be read. Never a secret: what the source threw. */
  readonly errors?: Readonly<Record<string, string>>
  /** Rules that are true, by name. A successor goes on with these, so that none fires twice. */
  readonly rules?: Readonly<Record<string, SampledRule>>
  /** Held for flapping until then; wall clock, milliseconds. */
  readonly heldUntilMs?: number
  /** How long each look took that was made for this. */
  readonly tookMs?: Readonly<Record<string, number>>
}

export interface SampledRule {
  /** Wall clock, milliseconds. */
  readonly sinceMs: number
  readonly fired: boolean
  /** What its `scale` came to. */
  readonly scaledTo?: number
}

/** What history calls a ScaledObject or a ScaledJob. */
export function historySubject({
  kind,
  metadata,
}: {
  readonly kind: string
  readonly metadata: { readonly namespace?: string; readonly name: string; readonly uid?: string }
}): { readonly object: string; readonly uid: string } {
  const { namespace = '', name, uid = '' } = metadata
  return { object: `${kind}/${namespace}/${name}`, uid }
}

/** A sample that was written by this nsctl or another; undefined for what is none. */
export function readSample(content: Json): ScalerSample | undefined {
  if (!isObject(content)) return undefined
  const { replicas, desired, demand } = content
  if (typeof replicas !== 'number' || typeof desired !== 'number' || !isObject(demand)) return undefined
  return content as unknown as ScalerSample
}

/** A decision that was written by this nsctl or another; undefined for what is none. What others left out is empty. */
export function readDecision(content: Json | undefined): Decision | undefined {
  if (!isObject(content)) return undefined
  if (typeof content.create === 'number') return readJobsDecision(content)
  const { at, from, to, outlook } = content
  if (typeof at !== 'string' || Number.isNaN(Date.parse(at))) return undefined
  if (typeof from !== 'number' || typeof to !== 'number') return undefined
  const list = (value: unknown) => (Array.isArray(value) ? value : [])
  return {
    ...content,
    triggers: list(content.triggers).filter(isObject),
    steps: list(content.steps).filter(isObject),
    faults: list(content.faults).map(String),
    because: typeof content.because === 'string' ? content.because : '',
    outlook: {
      up: SILENT,
      down: SILENT,
      more: undefined,
      fewer: undefined,
      ...(isObject(outlook) ? outlook : {}),
    },
  } as unknown as Decision
}

/** A ScaledJob's: from the Jobs that run to those and the new ones. */
function readJobsDecision(content: Record<string, unknown>): Decision | undefined {
  const { at, create, running, because, triggers, active } = content
  if (typeof at !== 'string' || typeof create !== 'number' || typeof running !== 'number') return undefined
  const [text, to] = [typeof because === 'string' ? because : '', running + create]
  return readDecision({
    at,
    atMs: Date.parse(at),
    from: running,
    to,
    active: active === true,
    because: text,
    triggers: (Array.isArray(triggers) ? triggers.filter(isObject) : []).map(verdictOfJobs),
    steps: [{ step: 'triggers', from: running, to, reason: 'Jobs', text }],
    fallback: false,
  } as unknown as Json)
}

function verdictOfJobs(verdict: Record<string, unknown>): Record<string, unknown> {
  const { label, value, target } = verdict
  const [type = ''] = String(label).split('/')
  const wait = typeof value === 'number' ? `${value} waiting` : 'nothing known'
  const text = typeof target === 'number' ? `${wait}, ${target} for each Job` : wait
  const ageMs = typeof value === 'number' ? 0 : undefined
  return { ...verdict, type, metric: '', metricType: 'AverageValue', unit: '', text, decides: false, ageMs }
}

const SILENT = { notBeforeMs: undefined, text: '' }
