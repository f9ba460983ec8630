/** What placement would say now: for people who ask why something has no node. Pure. */
import type { Instance, Node, Service, ServicePlacement } from '../resources/generated/types.ts'
import { Cluster } from './cluster.ts'
import { standings } from './daemons.ts'
import { needsOf, occupantOf, placementNode } from './inputs.ts'
import type { RefusedBy, Seat } from './placement.ts'

/** What wants a node: a Service, or a Job with the name that its runs are filed under. */
export interface Applicant {
  readonly namespace: string
  /** As in `spec.service` of its Instances. */
  readonly name: string
  readonly template: Service['spec']['template']
  readonly rule: ServicePlacement | undefined
  /** Of the template. */
  readonly hash: string
}

export interface Surroundings {
  readonly nodes: readonly Node[]
  /** Of all namespaces. */
  readonly instances: readonly Instance[]
  /** Likewise. */
  readonly services: readonly Service[]
}

/** Why one more has no node, by node; with one on each node, those that should have one and cannot. Empty where there is room. */
export function refusals(applicant: Applicant, around: Surroundings): readonly RefusedBy[] {
  const { namespace, name, template, rule, hash } = applicant
  const seats = seatsOf(applicant, around)
  const batch = { service: `${namespace}/${name}`, namespace, hash, needs: needsOf(template), rule, seats }
  const placed = clusterOf(around).place({ ...batch, withSecrets: false })
  return placed.flatMap((one) => ('refusal' in one ? one.refusal.nodes : []))
}

function seatsOf({ namespace, name, rule }: Applicant, { nodes, instances }: Surroundings): readonly Seat[] {
  if (rule?.strategy !== 'perNode') return [{ id: '' }]
  const own = instances.filter((one) => one.metadata.namespace === namespace && one.spec.service === name)
  const there = new Set(own.map(({ spec }) => spec.node))
  const wanted = [...standings(nodes, rule)].filter(
    ([node, standing]) => standing === 'start' && !there.has(node),
  )
  return wanted.map(([node]) => ({ id: ` ${node}`, only: { node, because: 'perNode' } }))
}

/** All that there is, as placement sees it. */
export function clusterOf({ nodes, instances, services }: Surroundings): Cluster {
  const rules = new Map(
    services.map(({ metadata, spec }) => [`${metadata.namespace}/${metadata.name}`, spec.placement]),
  )
  const cluster = new Cluster()
  for (const one of nodes) cluster.setNode(placementNode(one))
  for (const one of instances) {
    const occupant = occupantOf(one, rules.get(`${one.metadata.namespace}/${one.spec.service}`))
    if (occupant !== undefined) cluster.occupy(occupant)
  }
  return cluster
}
