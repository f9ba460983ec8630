/**
 * Where everything lies in the store. Nothing else builds a key, and but for parse-key.ts nothing takes one apart.
 *
 *     obj/<group>/<plural>/<namespace or _>/<name>          an object
 *     objstatus/<group>/<plural>/<namespace or _>/<name>    its status, for kinds that keep it apart (Nodes, whose agents write it)
 *     applied/<group>/<plural>/<namespace or _>/<name>      the manifest that was applied to it last, unless the object tells
 *     rev/<group>/<plural>/<namespace or _>/<name>/<n>      its revisions, n zero-padded
 *     rev/<group>/<plural>/<namespace or _>/<name>/<n>/spec the spec of one that the object held until it moved on
 *     node/<node>/<plural>/<namespace>/<name>               metadata and spec of what belongs to a node
 *     node/<node>/status/<plural>/<namespace>/<name>        its status, written by the node's agent
 *     event/<node>/<namespace>/<name>                       an Event that the agent of a node recorded, which joined with a credential of its own
 *     at/<plural>/<namespace>/<name>                        the node it belongs to: a name is there once, not once a node
 *     claim/scale/<namespace>/<service>                     the ScaledObject that scales it: there is one at most
 *     claim/expose/<listen>/<host or *>/<path>              the Service that is exposed there; each step as in a URL
 *     claim/ordinal/<namespace>/<service>/<n>               the node and the Instance that is the n-th of a unique Service
 *     audit/<time>-<suffix>                                 who changed what
 *
 * Beside these the store itself keeps leases (`lease/`), which layout it has (`store/layout`) and, while it is being filled, a note
 * that says so (`import/`); and processes of the control plane pass on what was (`history/`, see history-segments.ts).
 */
import type { Kind } from '../resources/kinds.ts'
import { DEFAULT_NAMESPACE, GROUP } from '../resources/object.ts'
import type { LayoutVersion } from '../store/layout.ts'

/**
 * Of what lies under these keys; layout.ts says what moves it. With it goes a step in upgrade/, for stores that are there.
 *
 *     1.0   audit records name one object each; the manifest applied last always has an entry of its own
 *     2.0   an audit record names all objects of its transaction; an object's entry notes which of it are defaults (applied.ts)
 *     3.0   a Service may name Configs and Secrets, and an Instance those that it runs with; there are Recipients and Deliveries
 *     3.1   there are ScaledObjects with their claims, ScaledJobs, Jobs and TriggerAuthentications; a Node says where its metrics are
 *     4.0   a Node's status lies apart from the rest of it; agents that joined record their Events under their node; there are Routes, and claims of
 *           what Services are exposed at; a Service's rollout may be paused, go by steps and wait for other Services; its instances may be unique,
 *           with claims of their ordinals; a store may say from where its revisions count as fencing tokens; there are ResourceQuotas,
 *           LimitRanges and PriorityClasses, and an Instance says how important it is
 */
export const STORE_LAYOUT: LayoutVersion = { major: 4, minor: 0 }

/** Stands for the namespace of what has none. */
export const CLUSTER = '_'
export const REVISION_DIGITS = 8
/** Ends the key of a spec that is kept beside its revision's record. */
export const SPEC_STEP = '/spec'
export const AUDIT_PREFIX = 'audit/'
export const NODE_PREFIX = 'node/'
export const NODE_EVENTS = 'event/'
const EVENTS = 'events'
const CLAIM_PREFIX = 'claim/'

/** A kind, and what of it is meant. */
export interface Target {
  readonly kind: Kind
  readonly namespace: string | undefined
  readonly name: string
}

/** The namespace that an object of `kind` lies in: none for kinds of cluster scope, `default` where none is named. */
export function namespaceOf(kind: Kind, namespace: string | undefined): string | undefined {
  return kind.scope === 'Cluster' ? undefined : (namespace ?? DEFAULT_NAMESPACE)
}

function tail({ kind, namespace, name }: Target): string {
  return `${kind.group}/${kind.plural}/${namespace ?? CLUSTER}/${name}`
}

export function objectKey(target: Target): string {
  return `obj/${tail(target)}`
}

/** Where the agent of `node` records an Event, where it may not write those of others. */
export function nodeEventKey({ namespace, name }: Target, node: string): string {
  return `${NODE_EVENTS}${node}/${namespace ?? CLUSTER}/${name}`
}

/** The status of an object that keeps it apart and belongs to no node. */
export function objectStatusKey(target: Target): string {
  return `objstatus/${tail(target)}`
}

/** Where an object lies that keeps its status apart; `node` is the one that it belongs to, where its kind is `perNode`. */
export function halvesOf(
  target: Target,
  node: string | undefined,
): { readonly spec: string; readonly status: string } {
  return target.kind.perNode
    ? { spec: nodeSpecKey(target, node ?? ''), status: nodeStatusKey(target, node ?? '') }
    : { spec: objectKey(target), status: objectStatusKey(target) }
}

export function appliedKey(target: Target): string {
  return `applied/${tail(target)}`
}

export function revisionPrefix(target: Target): string {
  return `rev/${tail(target)}/`
}

export function revisionKey(target: Target, revision: number): string {
  return `${revisionPrefix(target)}${String(revision).padStart(REVISION_DIGITS, '0')}`
}

/** Where a revision's spec is kept apart from its record. */
export function revisionSpecKey(target: Target, revision: number): string {
  return revisionKey(target, revision) + SPEC_STEP
}

/** True for what `revisionSpecKey` made, false for what `revisionKey` made. */
export function isRevisionSpecKey(key: string): boolean {
  return key.endsWith(SPEC_STEP)
}

/** n of a key that `revisionKey` or `revisionSpecKey` made. */
export function revisionOfKey(key: string): number {
  const end = isRevisionSpecKey(key) ? key.length - SPEC_STEP.length : key.length
  return Number(key.slice(end - REVISION_DIGITS, end))
}

/** Where it is noted which node has the object of this name. */
export function placementKey({ kind, namespace, name }: Target): string {
  return `at/${kind.plural}/${namespace ?? CLUSTER}/${name}`
}

/** Where it is noted which ScaledObject scales a Service. */
export function scaleClaimKey(namespace: string, service: string): string {
  return `${CLAIM_PREFIX}scale/${namespace}/${service}`
}

/** Where it is noted which Instance is the n-th of a unique Service. */
export function ordinalClaimKey(namespace: string, service: string, ordinal: number): string {
  return `${CLAIM_PREFIX}ordinal/${namespace}/${service}/${ordinal}`
}

export function isClaimKey(key: string): boolean {
  return key.startsWith(CLAIM_PREFIX)
}

/** Where it is noted which Service is exposed at a place; every host where undefined. */
export function exposeClaimKey(listen: string, host: string | undefined, path: string): string {
  return `claim/expose/${[listen, host ?? '*', path].map(encodeURIComponent).join('/')}`
}

/** Metadata and spec of what belongs to `node`: the control plane’s half. */
export function nodeSpecKey({ kind, namespace, name }: Target, node: string): string {
  return `${NODE_PREFIX}${node}/${kind.plural}/${namespace ?? CLUSTER}/${name}`
}

/** The agent’s half. */
export function nodeStatusKey({ kind, namespace, name }: Target, node: string): string {
  return `${NODE_PREFIX}${node}/status/${kind.plural}/${namespace ?? CLUSTER}/${name}`
}

/** The audit record of `at`, an ISO time to the millisecond: in order of time, so that a day and an age can be read off it. */
export function auditKey(at: string, suffix: string): string {
  return `${AUDIT_PREFIX}${at}-${suffix}`
}

/** The prefixes under which the objects of `kind` lie, narrowed as far as the layout allows. */
export function listPrefixes(
  kind: Kind,
  scope: { readonly namespace?: string; readonly node?: string },
): readonly string[] {
  const namespace = scope.namespace === undefined ? '' : `${scope.namespace}/`
  if (!kind.perNode) {
    const inside = kind.scope === 'Cluster' ? `${CLUSTER}/` : namespace
    const path = `${kind.group}/${kind.plural}/${inside}`
    if (kind.group === GROUP && kind.plural === EVENTS) return [`obj/${path}`, NODE_EVENTS]
    return kind.statusApart ? [`obj/${path}`, `objstatus/${path}`] : [`obj/${path}`]
  }
  if (scope.node === undefined) return [NODE_PREFIX]
  const node = `${NODE_PREFIX}${scope.node}/`
  return [`${node}${kind.plural}/${namespace}`, `${node}status/${kind.plural}/${namespace}`]
}

/** The prefixes under which everything lies that is kept of objects of a kind: themselves, manifests, revisions. */
export function kindPrefixes(group: string, plural: string): readonly string[] {
  return ['obj', 'applied', 'rev'].map((first) => `${first}/${group}/${plural}/`)
}

/** A key of an object, taken apart. */
export interface ObjectAddress {
  /** `object`: all of it, or all but its status; `spec` and `status`: the halves of what belongs to a node; a `status` without one is that of an object. */
  readonly part: 'object' | 'spec' | 'status'
  readonly group: string | undefined
  readonly plural: string
  readonly namespace: string | undefined
  readonly name: string
  readonly node: string | undefined
}

/** Undefined for keys that hold no object. */
export function parseObjectKey(key: string): ObjectAddress | undefined {
  const steps = key.split('/')
  const at = (index: number) => steps[index] ?? ''
  if ((steps[0] === 'obj' || steps[0] === 'objstatus') && steps.length === 5)
    return {
      part: steps[0] === 'obj' ? 'object' : 'status',
      group: at(1),
      plural: at(2),
      namespace: plainNamespace(at(3)),
      name: at(4),
      node: undefined,
    }
  if (steps[0] === 'event' && steps.length === 4)
    return {
      part: 'object',
      group: GROUP,
      plural: EVENTS,
      namespace: plainNamespace(at(2)),
      name: at(3),
      node: at(1),
    }
  if (steps[0] !== 'node') return undefined
  const isStatus = steps[2] === 'status'
  const from = isStatus ? 3 : 2
  if (steps.length !== from + 3) return undefined
  return {
    part: isStatus ? 'status' : 'spec',
    group: undefined,
    plural: at(from),
    namespace: plainNamespace(at(from + 1)),
    name: at(from + 2),
    node: at(1),
  }
}

function plainNamespace(step: string): string | undefined {
  return step === CLUSTER ? undefined : step
}
