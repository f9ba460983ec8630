/** How fast nodes are chosen: 10,000 instances on 1,000 nodes in four zones, by the planner that the controllers use. */
import { Cluster } from '../src/placement/cluster.ts'
import type { Batch, PlacementNode } from '../src/placement/placement.ts'
import type { ServicePlacement } from '../src/resources/generated/types.ts'
import { median, type Row } from './measure.ts'
import { benchPreemption } from './preemption.ts'

const NODES = 1_000
const INSTANCES = 10_000
const ROUNDS = 5
/** 5,000 placements a second. */
const GOAL_MS = 2_000

const SPREAD: ServicePlacement = { strategy: 'spread' }
const PACK: ServicePlacement = { strategy: 'pack' }
const FULL: ServicePlacement = {
  strategy: 'spread',
  tolerations: [{ key: 'spot', operator: 'Exists' }],
  affinity: {
    node: {
      required: [{ matchExpressions: [{ key: 'arch', operator: 'In', values: ['amd64', 'arm64'] }] }],
      preferred: [{ weight: 10, preference: { matchExpressions: [{ key: 'disk', operator: 'Exists' }] } }],
    },
  },
  antiAffinity: { service: { required: [{ service: 'noisy', topologyKey: 'kubernetes.io/hostname' }] } },
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule' },
  ],
}

export function benchPlacement(): readonly Row[] {
  return [
    row('10,000 instances on 1,000 nodes, 100 services of 100, spread', SPREAD, 100),
    row('the same, pack', PACK, 100),
    row('the same, with taints, affinity, anti-affinity and zones', FULL, 100),
    row('10,000 services of one instance, spread', SPREAD, 1),
    row('10,000 services of one instance, with all that', FULL, 1),
    ...benchPreemption(),
  ]
}

function row(what: string, rule: ServicePlacement, replicas: number): Row {
  const times = Array.from({ length: ROUNDS }, () => placeAllMs(rule, replicas))
  return { bench: 'placement', what, value: median(times), unit: 'ms', goal: GOAL_MS }
}

/** Of CPU time, since goals are for a core. Nodes and what is asked for are made beforehand: what is measured is choosing. */
function placeAllMs(rule: ServicePlacement, replicas: number): number {
  const cluster = new Cluster()
  for (let at = 0; at < NODES; at++) cluster.setNode(nodeAt(at))
  const batches = Array.from({ length: INSTANCES / replicas }, (_, at) => batchOf(`s${at}`, rule, replicas))
  const started = process.cpuUsage()
  let placed = 0
  for (const batch of batches) placed += cluster.place(batch).filter((one) => 'node' in one).length
  const { user, system } = process.cpuUsage(started)
  if (placed !== INSTANCES) throw new Error(`only ${placed} of ${INSTANCES} have a node`)
  return (user + system) / 1000
}

function nodeAt(at: number): PlacementNode {
  return {
    name: `node-${at}`,
    labels: {
      'topology.kubernetes.io/zone': `zone-${at % 4}`,
      arch: at % 2 === 0 ? 'amd64' : 'arm64',
      ...(at % 3 === 0 && { disk: 'nvme' }),
    },
    taints: at % 10 === 0 ? [{ key: 'spot', effect: 'PreferNoSchedule' }] : [],
    unschedulable: false,
    ready: true,
    pressures: 0,
    trusted: true,
    cpuMillis: 16_000,
    memoryBytes: 64 * 2 ** 30,
  }
}

function batchOf(name: string, rule: ServicePlacement, replicas: number): Batch {
  return {
    service: `default/${name}`,
    namespace: 'default',
    hash: 'bcdfghjkmn',
    needs: { cpuMillis: 500, memoryBytes: 2 ** 30, ports: [] },
    rule,
    withSecrets: false,
    seats: Array.from({ length: replicas }, (_, at) => ({ id: `default/${name}-${at}-bcdfg` })),
  }
}
