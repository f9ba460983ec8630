/** What deciding remembers, made again of the history by a process that takes over. */
import { isObject, type Json } from '../../core/json.ts'
import { findCondition } from '../../resources/conditions.ts'
import type { ScaledObjectStatus } from '../../resources/generated/types.ts'
import type { ScalingState } from '../../scaling/decide.ts'
import type { Decision } from '../../scaling/decision.ts'
import type { ScalingPolicy } from '../../scaling/policy.ts'
import { readDecision, readSample, type ScalerSample } from '../../scaling/sample.ts'
import type { ScalingTimes } from '../../scaling/times.ts'
import type {
  HistoryEntry,
  HistoryReader,
  HistorySubject,
  HistoryWriter,
} from '../../telemetry/history/history.ts'
import { NOT_LOOKED_AT } from './status.ts'

export interface RestoreInput {
  readonly initial: ScalingState
  readonly status: ScaledObjectStatus | undefined
  /** Newest first. */
  readonly samples: readonly HistoryEntry[]
  readonly decisions: readonly HistoryEntry[]
  /** The last decision that is in the store, which may be newer than all that the history holds. */
  readonly stored: Json | undefined
  readonly times: ScalingTimes
}

/** HPA's window where a policy has none. */
const DEFAULT_WINDOW_MS = 300_000
const HOUR_MS = 3_600_000

/** Reads what is known of before, and makes a state of it. */
export async function restore(
  options: Omit<RestoreInput, 'samples' | 'decisions' | 'stored'> & {
    readonly policy: ScalingPolicy
    /** What another of the same name did is not its own. */
    readonly subject: HistorySubject
    readonly history: (HistoryReader & HistoryWriter) | undefined
    /** Reads the last decision that is in the store. */
    readonly readStored: () => Promise<Json | undefined>
  },
): Promise<ScalingState> {
  const { policy, subject, history, times, status, readStored } = options
  const back = lookBackMs(policy)
  const { wallMs } = times.now()
  const read = async (kind: HistoryEntry['kind'], spanMs: number) =>
    (await history?.list({ ...subject, kind, fromMs: wallMs - spanMs })) ?? []
  const [samples, decisions] = [await read('sample', back.samples), await read('decision', back.decisions)]
  const scaledMs = Date.parse(status?.lastScaleTime ?? '')
  const isBehind = scaledMs > (samples[0]?.atMs ?? Number.NEGATIVE_INFINITY)
  const stored = isBehind && scaledMs >= wallMs - back.decisions ? await readStored() : undefined
  const input = { ...options, samples, decisions, stored }
  const lost = lostChange(input, storedDecision(input))
  // else it would be unknown again to who comes next
  if (lost !== undefined && stored !== undefined)
    history?.append({ ...subject, atMs: lost.wallMs, kind: 'decision', content: stored })
  return restoreState(input)
}

/** How far back it is worth looking, milliseconds. */
export function lookBackMs({ behavior, protection, rules }: ScalingPolicy): {
  readonly samples: number
  readonly decisions: number
} {
  const { up, down } = behavior ?? {}
  const windows = [up?.stabilizationMs ?? 0, down?.stabilizationMs ?? DEFAULT_WINDOW_MS]
  const periods = [up, down].flatMap((one) => one?.policies.map(({ periodMs }) => periodMs) ?? [])
  const { cooldownUpMs, cooldownDownMs, flapping, maxActionsPerHour } = protection
  const budget = maxActionsPerHour === undefined ? 0 : HOUR_MS
  const flaps = flapping === undefined ? 0 : flapping.withinMs + flapping.holdMs
  return {
    samples: Math.max(...windows, DEFAULT_WINDOW_MS),
    decisions: Math.max(
      ...periods,
      cooldownUpMs,
      cooldownDownMs,
      budget,
      flaps,
      rules.length > 0 ? HOUR_MS : 0,
      DEFAULT_WINDOW_MS,
    ),
  }
}

/**
 * As much of the state as the history tells. Where it tells nothing of when a trigger was last active, the status does: what was active when
 * that was last written has been until now.
 */
export function restoreState(input: RestoreInput): ScalingState {
  const { initial, status, samples, times } = input
  const written = storedDecision(input)
  const unseen = isLater(written, samples) ? written : undefined
  const known = samples.flatMap(({ atMs, content }) => {
    const sample = readSample(content)
    return sample === undefined ? [] : [{ atMs: times.steadyOfWall(atMs), sample }]
  })
  const recommendations = known
    .flatMap(({ atMs, sample }) =>
      sample.recommended === undefined ? [] : [{ atMs, replicas: sample.recommended }],
    )
    .reverse()
  if (unseen !== undefined) recommendations.push({ atMs: unseen.atMs, replicas: unseen.decision.to })
  const last = unseen?.decision.to ?? known[0]?.sample.desired
  // who made it so is not known, nor why: it is what somebody wished for
  if (last !== initial.recommendations.at(-1)?.replicas) recommendations.push(...initial.recommendations)
  const lastActiveMs = latest(
    known.find(({ sample }) => sample.active)?.atMs,
    unseen?.decision.active === true ? unseen.atMs : undefined,
    times.steadyOf(status?.lastActiveTime),
    activeUntilMs(status, times, known.length > 0),
  )
  return {
    ...initial,
    // without any it is as for one that decides for the first time: nothing goes down for a window
    recommendations: recommendations.length === 0 ? initial.recommendations : recommendations,
    changes: changesOf(input, written),
    lastActiveMs: lastActiveMs ?? initial.lastActiveMs,
    ...(known[0] !== undefined && remembered(known[0].sample, times)),
    ...(unseen !== undefined && { rules: rulesOf(unseen) }),
  }
}

interface StoredDecision {
  /** On this process's steady timeline. */
  readonly atMs: number
  readonly wallMs: number
  readonly decision: Decision
}

function storedDecision({
  stored,
  times,
}: Pick<RestoreInput, 'stored' | 'times'>): StoredDecision | undefined {
  const decision = readDecision(stored)
  if (decision === undefined) return undefined
  const wallMs = Date.parse(decision.at)
  return { atMs: times.steadyOfWall(wallMs), wallMs, decision }
}

/** Whether it is newer than all that is kept: who made it was ended before that was written. */
function isLater(
  written: StoredDecision | undefined,
  [newest]: readonly HistoryEntry[],
): written is StoredDecision {
  return written !== undefined && written.wallMs > (newest?.atMs ?? Number.NEGATIVE_INFINITY)
}

/** The decision that is in the store, where it changed something and the history has lost it. */
function lostChange(
  { decisions }: Pick<RestoreInput, 'decisions'>,
  written: StoredDecision | undefined,
): StoredDecision | undefined {
  return isLater(written, decisions) && written.decision.from !== written.decision.to ? written : undefined
}

function changesOf(input: RestoreInput, written: StoredDecision | undefined): ScalingState['changes'] {
  const { decisions, times } = input
  const changes = decisions
    .flatMap(({ atMs, content }) => {
      const by = changeOf(content)
      return by === 0 ? [] : [{ atMs: times.steadyOfWall(atMs), by }]
    })
    .reverse()
  const lost = lostChange(input, written)
  return lost === undefined
    ? changes
    : [...changes, { atMs: lost.atMs, by: lost.decision.to - lost.decision.from }]
}

function rulesOf({ atMs, decision }: StoredDecision): ScalingState['rules'] {
  const states = Object.entries(decision.rules ?? {}).map(([name, { trueSinceMs, ...rule }]) => [
    name,
    { trueSinceMs: atMs + trueSinceMs - decision.atMs, ...rule },
  ])
  return Object.fromEntries(states)
}

/** Rules that were true go on, so that none fires twice for one reason; and what was held is held. */
function remembered(
  { rules = {}, heldUntilMs }: ScalerSample,
  times: ScalingTimes,
): Pick<ScalingState, 'rules' | 'heldUntilMs'> {
  const { steadyMs, wallMs } = times.now()
  const held =
    heldUntilMs === undefined || heldUntilMs <= wallMs ? undefined : steadyMs + heldUntilMs - wallMs
  const states = Object.entries(rules).map(([name, { sinceMs, ...rule }]) => [
    name,
    { trueSinceMs: times.steadyOfWall(sinceMs), ...rule },
  ])
  return { rules: Object.fromEntries(states), heldUntilMs: held }
}

function changeOf(content: Json): number {
  if (!isObject(content)) return 0
  const { from, to } = content
  return typeof from === 'number' && typeof to === 'number' ? to - from : 0
}

function activeUntilMs(
  status: ScaledObjectStatus | undefined,
  times: ScalingTimes,
  hasSamples: boolean,
): number | undefined {
  const active = findCondition(status?.conditions, 'Active')
  if (active?.status === 'False') return times.steadyOf(active.lastTransitionTime)
  const isNew = active === undefined || active.reason === NOT_LOOKED_AT
  return isNew || hasSamples ? undefined : times.steadyMs()
}

function latest(...all: readonly (number | undefined)[]): number | undefined {
  const known = all.filter((one) => one !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}
