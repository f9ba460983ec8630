/** A trial for machines: JSON of the results and decisions, CSV of every tick. */
import type { Simulation } from '../../scaling/simulate/simulate.ts'

export interface SimulationDocument {
  readonly apiVersion: string
  readonly kind: 'Simulation'
  readonly from: string
  readonly to: string
  readonly stepSeconds: number
  readonly capacity: number
  readonly startupSeconds: number
  readonly notes: readonly string[]
  readonly policies: readonly Readonly<Record<string, string | number | null>>[]
  /** Of the policy that is tried: what changed the number. */
  readonly decisions: readonly {
    readonly at: string
    readonly from: number
    readonly to: number
    readonly because: string
    readonly limited?: string
  }[]
}

export function simulationDocument(simulation: Simulation, notes: readonly string[]): SimulationDocument {
  const { demand, capacity, startupMs, results, decisions } = simulation
  const { startMs, tickMs, values } = demand
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Simulation',
    from: new Date(startMs).toISOString(),
    to: new Date(startMs + values.length * tickMs).toISOString(),
    stepSeconds: tickMs / 1000,
    capacity,
    startupSeconds: startupMs / 1000,
    notes,
    policies: results.map(({ run: _, costPercent, ...score }) => ({
      ...score,
      costPercent: costPercent ?? null,
    })),
    decisions: decisions.map(({ at, from, to, because, limited }) => ({
      at,
      from,
      to,
      because,
      ...(limited === undefined ? {} : { limited: limited.reason }),
    })),
  }
}

/** A row for each tick: `timestamp,demand,needed,oracle,web,web_ready,hpa,hpa_ready`. In pieces, since a long trial has millions. */
export function* simulationCsv({ demand, needed, oracle, results }: Simulation): Generator<string> {
  const names = results.flatMap(({ name }) => [name, `${name}_ready`].map(quoted))
  yield `${['timestamp', 'demand', 'needed', 'oracle', ...names].join(',')}\n`
  let piece = ''
  for (let tick = 0; tick < demand.values.length; tick++) {
    const at = new Date(demand.startMs + tick * demand.tickMs).toISOString()
    const counts = results.flatMap(({ run }) => [run.replicas[tick], run.ready[tick]])
    piece += `${[at, Number(demand.values[tick]!.toPrecision(9)), needed[tick], oracle[tick], ...counts].join(',')}\n`
    if (piece.length > 60_000) {
      yield piece
      piece = ''
    }
  }
  if (piece !== '') yield piece
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
