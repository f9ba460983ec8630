/** Which nodes are to have which versions of one Config or Secret, and what must be done for that. Pure. */
import type { MaterialKind } from '../../resources/materials.ts'

/** One version that an instance names, or still runs with. */
export interface Need {
  readonly node: string
  readonly version: string
  /** The instance is ending: it keeps what it has, and is given nothing any more. */
  readonly ending: boolean
}

export interface DeliveryView {
  readonly name: string
  readonly node: string
  readonly version: string
  /** Whom a Secret's values are sealed to. */
  readonly recipient: string | undefined
}

export interface NodeView {
  readonly name: string
  /** The key that is pinned. */
  readonly pinned: string | undefined
  /** The key that the node says it has. */
  readonly reported: string | undefined
}

export interface Grant {
  readonly node: string
  readonly version: string
  /** Undefined for a Config. */
  readonly recipient: string | undefined
}

/** A node that needs a Secret and is not to be trusted with it. */
export interface Refusal {
  readonly node: string
  readonly reason: 'NodeUnknown' | 'NodeWithoutKey' | 'NodeNotTrusted'
}

export interface DeliveryPlan {
  readonly make: readonly Grant[]
  /** There already, and sealed to a key that the node does not have any more. */
  readonly renew: readonly (Grant & { readonly name: string })[]
  /** Names of what nobody needs any more. */
  readonly remove: readonly string[]
  readonly refused: readonly Refusal[]
}

export interface DeliveryInput {
  readonly kind: MaterialKind
  readonly needs: readonly Need[]
  readonly deliveries: readonly DeliveryView[]
  readonly nodes: readonly NodeView[]
}

export function planDeliveries({ kind, needs, deliveries, nodes }: DeliveryInput): DeliveryPlan {
  const needed = new Map<string, Need>()
  for (const need of needs) {
    const key = keyOf(need)
    if (needed.get(key)?.ending !== false) needed.set(key, need)
  }
  const there = new Map<string, DeliveryView>()
  const remove: string[] = []
  for (const delivery of deliveries) {
    const key = keyOf(delivery)
    if (needed.has(key) && !there.has(key)) there.set(key, delivery)
    else remove.push(delivery.name)
  }
  const unknown = kind === 'Config' ? { recipient: undefined } : ({ reason: 'NodeUnknown' } as const)
  const trust = new Map(nodes.map((node) => [node.name, trustIn(kind, node)]))
  const make: Grant[] = []
  const renew: (Grant & { readonly name: string })[] = []
  const refused = new Map<string, Refusal>()
  for (const [key, { node, version, ending }] of needed) {
    const trusted = trust.get(node) ?? unknown
    const present = there.get(key)
    if ('reason' in trusted) {
      // what it has it keeps: it has seen that
      if (present === undefined && !ending) refused.set(node, { node, reason: trusted.reason })
      continue
    }
    const grant = { node, version, recipient: trusted.recipient }
    if (present === undefined && !ending) make.push(grant)
    if (present !== undefined && present.recipient !== trusted.recipient)
      renew.push({ ...grant, name: present.name })
  }
  return { make, renew, remove, refused: [...refused.values()] }
}

function keyOf({ node, version }: { readonly node: string; readonly version: string }): string {
  return `${version} ${node}`
}

/** A Config is no secret from anybody. A Secret goes to the key that is pinned, where the node says it has that. */
function trustIn(
  kind: MaterialKind,
  { pinned, reported }: NodeView,
): { readonly recipient: string | undefined } | { readonly reason: Refusal['reason'] } {
  if (kind === 'Config') return { recipient: undefined }
  if (reported === undefined || pinned === undefined) return { reason: 'NodeWithoutKey' }
  return pinned === reported ? { recipient: pinned } : { reason: 'NodeNotTrusted' }
}
