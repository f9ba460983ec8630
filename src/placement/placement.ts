/**
 * Which node runs which instance: the values that go in and come out. Nothing here reads or writes anything, and equal values with an
 * equal seed give equal answers, in whatever order they come.
 */
import type { NodeTaint, ServicePlacement } from '../resources/generated/types.ts'

/** A machine. */
export interface PlacementNode {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly taints: readonly NodeTaint[]
  readonly unschedulable: boolean
  readonly ready: boolean
  /** How many things it runs out of: something else goes before it. */
  readonly pressures: number
  /** Has the key that Secrets are sealed to for it. */
  readonly trusted: boolean
  /** What a template's `runtime` may ask for there; nothing where left out. */
  readonly runtimes?: readonly string[]
  /** What all instances there may ask for together, in thousandths of a core; Infinity where unknown. */
  readonly cpuMillis: number
  /** Likewise. */
  readonly memoryBytes: number
}

/** What one instance asks for. What is not stated is 0 and fits everywhere. */
export interface Needs {
  readonly cpuMillis: number
  readonly memoryBytes: number
  /** Fixed ones: `8080`, `53/UDP`. */
  readonly ports: readonly string[]
  /** A runtime by name; whichever the node has where left out. */
  readonly runtime?: string
}

/** A service, and the label by which nodes count as one place. */
export interface Nearness {
  /** `default/web` */
  readonly service: string
  readonly topologyKey: string
}

/** What is on a node, ending or not. */
export interface Occupant {
  /** `default/web-0-bcdfg` */
  readonly id: string
  /** `default/web` */
  readonly service: string
  readonly hash: string
  readonly node: string
  readonly needs: Needs
  /** What must not be near it. */
  readonly avoids: readonly Nearness[]
  /** 0 where left out. The higher, the more important. */
  readonly priority?: number
  /** Its end was asked for: its room is about to be free. */
  readonly isEnding?: boolean
  /** Its data is on this node and nowhere else. */
  readonly isPinned?: boolean
}

/** Instances of one template of one service that want a node each. */
export interface Batch {
  /** `default/web` */
  readonly service: string
  readonly namespace: string
  readonly hash: string
  readonly needs: Needs
  readonly rule: ServicePlacement | undefined
  /** It is given Secrets, which a node without a trusted key would wait for. */
  readonly withSecrets: boolean
  /** 0 where left out. The higher, the more important. */
  readonly priority?: number
  /** What is less important may be ended for it. */
  readonly preempts?: boolean
  readonly seats: readonly Seat[]
}

/** One of them. */
export interface Seat {
  /** As an occupant's. */
  readonly id: string
  /** The only node that it can be on, because its storage is there or because it is that node's. */
  readonly only?: { readonly node: string; readonly because: 'storage' | 'perNode' }
}

export type Placed =
  | { readonly id: string; readonly node: string }
  | { readonly id: string; readonly refusal: Refusal }

/** Why no node will do. */
export interface Refusal {
  /** `0/12 nodes: 7 lack memory, 5 tainted spot` */
  readonly text: string
  /** By name. */
  readonly nodes: readonly RefusedBy[]
}

export interface RefusedBy {
  readonly node: string
  /** `lacks memory: 2Gi asked for, 512Mi of 4Gi free` */
  readonly why: string
}

/** Where nodes are told apart by themselves, as each has a name. */
export const HOSTNAME = 'kubernetes.io/hostname'
/** Nodes that share a fate: a rack, a building. */
export const ZONE = 'topology.kubernetes.io/zone'
