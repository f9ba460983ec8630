/** A policy's way through a demand: the same decide() that scales Services, on a clock of its own. */
import { decide, initialState } from '../decide.ts'
import type { Decision, TriggerInput } from '../decision.ts'
import type { ScalingPolicy } from '../policy.ts'
import type { Reading } from '../source.ts'
import { type Demand, meanUpTo } from './demand.ts'
import { Fleet } from './fleet.ts'
import type { Run } from './score.ts'

/** What serves a demand. */
export interface Site {
  /** What one replica serves, in the unit of the demand. */
  readonly capacity: number
  /** From a replica's start until it serves. */
  readonly startupMs: number
}

/** What a trigger sees at a tick. */
export interface Look {
  /** Mean demand of the time that is averaged over, up to now. */
  readonly demand: number
  readonly fleet: Fleet
  readonly nowMs: number
}

export interface Contender {
  readonly name: string
  readonly policy: ScalingPolicy
  /** What each of its triggers sees, by its key. */
  readonly triggers: ReadonlyMap<string, (look: Look) => Reading>
  /** How often it looks. */
  readonly everyMs: number
  /** What it averages over. */
  readonly averageMs: number
  /** `ready`: it reckons from the replicas that serve, as if those that start were not there. */
  readonly counts: 'all' | 'ready'
}

/** A decision that changed the number. */
export interface Turn {
  readonly tick: number
  readonly decision: Decision
}

/**
 * Decides at each tick, on what was measured up to it. What is decided is paid from the tick on, and started by the next one. `onTurn` hears of
 * decisions that changed something.
 */
export function runPolicy(
  contender: Contender,
  demand: Demand,
  site: Site,
  onTurn: (turn: Turn) => void = () => undefined,
): Run {
  const { policy, everyMs, averageMs, name } = contender
  const { values, startMs, tickMs } = demand
  const first = startingReplicas(policy, values[0]!, site)
  const fleet = new Fleet(site.startupMs, first, startMs)
  const replicas = new Uint32Array(values.length)
  const ready = new Uint32Array(values.length)
  const isBlind = contender.counts === 'ready'
  let state = initialState({ time: { steadyMs: startMs }, replicas: first, lastActiveMs: startMs })
  let inputs: ReadonlyMap<string, TriggerInput> = new Map()
  let readAtMs = Number.NEGATIVE_INFINITY
  for (let tick = 0; tick < values.length; tick++) {
    const nowMs = startMs + tick * tickMs
    fleet.advance(nowMs)
    if (nowMs - readAtMs >= everyMs) {
      inputs = lookAll(contender, { demand: meanUpTo(demand, tick, averageMs), fleet, nowMs })
      readAtMs = nowMs
    }
    const outcome = decide(
      policy,
      {
        time: { steadyMs: nowMs, wallMs: nowMs },
        replicas: isBlind ? fleet.ready : fleet.count,
        instances: isBlind ? fleet.serving : fleet.instances,
        triggers: inputs,
        createdMs: startMs,
      },
      state,
    )
    state = outcome.state
    const { decision } = outcome
    const to = isBlind && decision.to >= decision.from ? Math.max(fleet.count, decision.to) : decision.to
    if (to !== fleet.count) onTurn({ tick, decision })
    fleet.scaleTo(to, nowMs + tickMs)
    replicas[tick] = fleet.count
    ready[tick] = fleet.ready
  }
  return { name, replicas, ready }
}

function lookAll({ triggers }: Contender, look: Look): ReadonlyMap<string, TriggerInput> {
  const base = { readAtMs: look.nowMs, error: undefined, failures: 0 }
  return new Map([...triggers].map(([key, read]) => [key, { ...base, reading: read(look) }]))
}

/** The same number all the time. */
export function runConstant(name: string, count: number, { values }: Demand): Run {
  return {
    name,
    replicas: new Uint32Array(values.length).fill(count),
    ready: new Uint32Array(values.length).fill(count),
  }
}

/** As if it had long been served well. */
function startingReplicas(
  { minReplicas, maxReplicas }: ScalingPolicy,
  demand: number,
  { capacity }: Site,
): number {
  return Math.min(maxReplicas, Math.max(minReplicas, Math.ceil(demand / capacity)))
}
