/** A policy, and others beside it, tried on a demand that was. Pure. */
import { NsctlError } from '../../core/errors.ts'
import type { Decision } from '../decision.ts'
import type { Demand } from './demand.ts'
import { hpaContender, kedaContender } from './rivals.ts'
import { type Contender, runConstant, runPolicy, type Site } from './run.ts'
import { neededReplicas, oracleReplicas, type Run, type Score, scoreOf } from './score.ts'

export const RIVALS = ['hpa', 'keda', 'static'] as const
export type Rival = (typeof RIVALS)[number]

/** A constant number is as good as it gets at this late: what is served a bit late now and then costs nobody. */
const STATIC_LATE_PERCENT = 0.1
/** Replicas at most of an oracle: beyond, the capacity is not what it was meant to be. */
const MOST_REPLICAS = 10_000

export interface SimulateOptions extends Site {
  readonly demand: Demand
  /** The policy that is tried. */
  readonly own: Contender
  readonly compare: readonly Rival[]
}

export interface Simulation {
  readonly demand: Demand
  readonly capacity: number
  readonly startupMs: number
  /** Replicas that would have served, at each tick. */
  readonly needed: Uint32Array
  /** What one pays who knows what comes. */
  readonly oracle: Uint32Array
  /** The own policy first. */
  readonly results: readonly Result[]
  /** Decisions of the own policy that changed the number. */
  readonly decisions: readonly Decision[]
}

export interface Result extends Score {
  readonly run: Run
}

/** Throws Invalid where the numbers make no trial: no capacity, or one that a demand would need too many of. */
export function simulate(options: SimulateOptions): Simulation {
  const { demand, own, compare, capacity, startupMs } = options
  check(options)
  const least = own.policy.minReplicas === 0 || own.policy.idleReplicas === 0 ? 0 : 1
  const needed = neededReplicas(demand, capacity, least)
  const oracle = oracleReplicas(needed, Math.ceil(startupMs / demand.tickMs))
  const site = { capacity, startupMs }
  const decisions: Decision[] = []
  const runs = [
    runPolicy(own, demand, site, ({ decision }) => decisions.push(decision)),
    ...[...new Set(compare)].map((rival) => runRival(rival, demand, site)),
  ]
  const results = runs.map((run) => ({ ...scoreOf(run, demand, capacity, oracle), run }))
  return { demand, capacity, startupMs, needed, oracle, results, decisions }
}

function runRival(rival: Rival, demand: Demand, site: Site): Run {
  switch (rival) {
    case 'hpa':
      return runPolicy(hpaContender(site.capacity), demand, site)
    case 'keda':
      return runPolicy(kedaContender(site.capacity), demand, site)
    case 'static':
      return runConstant('static', bestConstant(demand, site.capacity), demand)
  }
}

/** The fewest that are late by no more than 0.1 % of the demand. */
export function bestConstant({ values }: Demand, capacity: number): number {
  const asked = values.reduce((a, b) => a + b, 0)
  const isEnough = (count: number) => {
    const late = values.reduce((sum, value) => sum + Math.max(0, value - count * capacity), 0)
    return late * 100 <= asked * STATIC_LATE_PERCENT
  }
  let low = 1
  let high = Math.max(1, Math.ceil(values.reduce((a, b) => Math.max(a, b), 0) / capacity))
  while (low < high) {
    const middle = (low + high) >> 1
    if (isEnough(middle)) high = middle
    else low = middle + 1
  }
  return low
}

function check({ demand, capacity, startupMs }: SimulateOptions): void {
  const { values } = demand
  if (!(capacity > 0 && Number.isFinite(capacity)))
    throw new NsctlError('Invalid', `a replica must serve something, not ${capacity}`, { value: capacity })
  if (!(startupMs >= 0 && Number.isFinite(startupMs)))
    throw new NsctlError('Invalid', 'a replica cannot start before it is started', { value: startupMs })
  const most = values.reduce((a, b) => Math.max(a, b), 0) / capacity
  if (most > MOST_REPLICAS)
    throw new NsctlError('Invalid', `this demand wants ${Math.ceil(most)} replicas of capacity ${capacity}`, {
      value: capacity,
      next: 'the capacity is what one replica serves in a second, in the unit of the trace',
    })
}
