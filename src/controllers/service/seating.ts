/** What a plan wants to make, as placement is asked for it. Pure. */
import { needsOf } from '../../placement/inputs.ts'
import type { Batch, Placed, Seat } from '../../placement/placement.ts'
import type { Node, Service, ServiceTemplate, Volume } from '../../resources/generated/types.ts'
import { isReady } from '../../resources/node.ts'
import type { Nomination } from '../nominations.ts'
import { UNSCHEDULABLE } from '../placer.ts'
import type { Priority } from '../priorities.ts'
import { type InstanceIdentity, instanceName, type ResolvedTemplate } from './instances.ts'
import type { InstanceAction } from './views.ts'

/** Why instances are not made; of several the first one's. */
export interface Unplaced {
  /** In CamelCase, for machines. */
  readonly reason: string
  /** `0/12 nodes: 7 lack memory, 5 tainted spot` */
  readonly text: string
  /** Room that is being made for them. */
  readonly nominations?: readonly Nomination[]
}

export interface SeatingOptions {
  readonly volumes: readonly Volume[]
  readonly priority: Priority
}

type Identity = Omit<InstanceIdentity, 'node'>

export interface Seating {
  readonly batch: Batch
  /** What each of them runs. */
  readonly template: ServiceTemplate
  /** What is to sit there, by the id in the batch. */
  readonly seats: ReadonlyMap<string, { readonly template: ResolvedTemplate; readonly identity: Identity }>
}

/**
 * Of the actions those that make something of this template. An ordinal goes to where its data is; where that is being removed nothing
 * may run, and the end of that wakes the Service again.
 */
export function seating(
  service: Service,
  template: ResolvedTemplate,
  actions: readonly InstanceAction[],
  { volumes, priority }: SeatingOptions,
): Seating {
  const { hash, storage, materials } = template
  const { namespace = '', name } = service.metadata
  const taken = new Map<string, { readonly template: ResolvedTemplate; readonly identity: Identity }>()
  const seats: Seat[] = []
  const mounted = new Set(storage.map((mount) => mount.name))
  for (const action of actions) {
    if (action.kind !== 'create' || action.hash !== hash) continue
    const { ordinal, attempt } = action
    const data = volumes.filter(({ spec }) => spec.ordinal === ordinal && mounted.has(spec.volume))
    if (data.some(({ metadata }) => metadata.deletionTimestamp !== undefined)) continue
    const id = `${namespace}/${instanceName(service, hash, { ordinal, attempt, node: '' })}`
    const [first] = data
    taken.set(id, { template, identity: { ordinal, attempt } })
    const node = action.node ?? first?.spec.node
    const because = action.node === undefined ? 'storage' : 'perNode'
    seats.push(node === undefined ? { id } : { id, only: { node, because } })
  }
  const batch = {
    service: `${namespace}/${name}`,
    namespace,
    hash,
    needs: needsOf(template.template),
    rule: service.spec.placement,
    withSecrets: materials.some(({ kind }) => kind === 'Secret'),
    priority: priority.value,
    preempts: priority.preempts,
    seats,
  }
  return { batch, template: template.template, seats: taken }
}

export function firstRefusal(placed: readonly Placed[]): Unplaced | undefined {
  const refused = placed.find((one) => 'refusal' in one)
  return refused && { reason: UNSCHEDULABLE, text: refused.refusal.text }
}

/** The node that Secrets are judged by: one that can be given them goes before one that cannot. */
export function nodeForSecrets(nodes: readonly Node[]): Node | undefined {
  const ready = nodes.filter(isReady)
  return (
    ready.find(({ spec, status }) => spec?.recipient !== undefined && spec.recipient === status?.recipient) ??
    ready[0]
  )
}
