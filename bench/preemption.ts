/** What it costs that some go before others: those that wait on a full cluster, and the seeking of what has to end. */
import { Placer } from '../src/controllers/placer.ts'
import { WritableCache } from '../src/engine/cache.ts'
import { Cluster } from '../src/placement/cluster.ts'
import type { Batch } from '../src/placement/placement.ts'
import type { AnyResource } from '../src/resources/object.ts'
import { median, type Row } from './measure.ts'

const ROUNDS = 3
const FULL_NODES = 500
const WAITING = 500
const NODES = 1_000
const ON_EACH = 10
const SOUGHT = 100
const GIB = 2 ** 30

export function benchPreemption(): readonly Row[] {
  return [
    {
      ...{
        bench: 'placement',
        what: `${2 * WAITING} that wait on ${FULL_NODES} full nodes are woken, half of them more important`,
      },
      ...{ value: median(Array.from({ length: ROUNDS }, wokenMs)), unit: 'ms', goal: 500 },
    },
    {
      ...{
        bench: 'placement',
        what: `room for ${SOUGHT} by preemption, on ${NODES} full nodes with ${ON_EACH} each`,
      },
      ...{ value: median(Array.from({ length: ROUNDS }, soughtMs)), unit: 'ms', goal: 2_000 },
    },
  ]
}

/** Of CPU time, for one round in which each asks again after something has ended. */
function wokenMs(): number {
  const cache = new WritableCache((error) => {
    throw error
  })
  for (const kind of ['Node', 'Instance', 'Service', 'Job', 'PriorityClass']) cache.addKind(kind)
  const placer = new Placer({ cache, clock: { monotonic: () => 0 } })
  const names = Array.from({ length: FULL_NODES }, (_, at) => `n${at}`)
  cache.apply(
    names.flatMap((name) => [put(nodeObject(name)), put(instanceObject(`on-${name}`, name))]),
    1,
  )
  const askAll = () => {
    for (const [what, priority] of [
      ['high', 5],
      ['low', 0],
    ] as const)
      for (let at = 0; at < WAITING; at++) {
        const name = `${what}${at}`
        placer.place({ kind: 'Service', namespace: 'default', name }, [
          { ...batchOf(name), priority, preempts: true },
        ])
      }
  }
  askAll()
  cache.apply([{ kind: 'delete', ref: { kind: 'Instance', namespace: 'default', name: 'on-n7' } }], 2)
  return cpuMs(askAll)
}

function soughtMs(): number {
  const cluster = new Cluster()
  for (let at = 0; at < NODES; at++) {
    const node = `n${at}`
    cluster.setNode({
      ...{
        name: node,
        labels: {},
        taints: [],
        unschedulable: false,
        ready: true,
        pressures: 0,
        trusted: true,
      },
      ...{ cpuMillis: 16_000, memoryBytes: ON_EACH * GIB },
    })
    for (let on = 0; on < ON_EACH; on++) {
      const { seats: _, ...rest } = batchOf(`s${on}`)
      cluster.occupy({ ...rest, id: `default/s${on}-${at}`, node, avoids: [], priority: on % 4 })
    }
  }
  return cpuMs(() => {
    for (let at = 0; at < SOUGHT; at++) {
      const batch = { ...batchOf(`new${at}`), priority: 10 }
      const [seat] = batch.seats as readonly [Batch['seats'][number]]
      const found = cluster.preemption(batch, seat, () => Number.POSITIVE_INFINITY)
      if (found === undefined) throw new Error('there is nothing to end')
      cluster.end(found.victims)
      cluster.nominate({ ...batch, id: seat.id, node: found.node, avoids: [] })
    }
  })
}

function cpuMs(run: () => void): number {
  const started = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(started)
  return (user + system) / 1000
}

function batchOf(name: string): Batch {
  return {
    ...{ service: `default/${name}`, namespace: 'default', hash: 'h', rule: undefined, withSecrets: false },
    ...{ needs: { cpuMillis: 0, memoryBytes: GIB, ports: [] }, seats: [{ id: `default/${name}-0` }] },
  }
}

function put(object: AnyResource) {
  const { kind, metadata } = object
  const { name, namespace } = metadata
  return { kind: 'put', ref: { kind, name, ...(namespace && { namespace }) }, object } as const
}

function nodeObject(name: string): AnyResource {
  const status = { phase: 'Ready', capacity: { cpu: '4', memory: '1Gi' } }
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Node',
    metadata: { name },
    spec: {},
    status,
  } as AnyResource
}

function instanceObject(name: string, node: string): AnyResource {
  const template = { source: { command: ['x'] }, resources: { memory: '1Gi' } }
  const spec = { service: 'old', ordinal: 0, node, templateHash: 'h', attempt: 0, priority: 1000, template }
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Instance',
    metadata: { namespace: 'default', name },
    spec,
  } as AnyResource
}
