/**
 * Where everything lies in the store. Nothing else builds a key, and but for parse-key.ts nothing takes one apart.
 *
 *     obj/<group>/<plural>/<namespace or _>/<name>          an object
 *     applied/<group>/<plural>/<namespace or _>/<name>      the manifest that was applied to it last, unless the object tells
 *     rev/<group>/<plural>/<namespace or _>/<name>/<n>      its revisions, n zero-padded
 *     rev/<group>/<plural>/<namespace or _>/<name>/<n>/spec the spec of one that the object held until it moved on
 *     node/<node>/<plural>/<namespace>/<name>               metadata and spec of what belongs to a node
 *     node/<node>/status/<plural>/<namespace>/<name>        its status, written by the node's agent
 *     at/<plural>/<namespace>/<name>                        the node it belongs to: a name is there once, not once a node
 *     claim/scale/<namespace>/<service>                     the ScaledObject that scales it: there is one at most
 *     audit/<time>-<suffix>                                 who changed what
 *
 * Beside these the store itself keeps leases (`lease/`), which layout it has (`store/layout`) and, while it is being filled, a note
 * that says so (`import/`); and processes of the control plane pass on what was (`history/`, see history-segments.ts).
 */
import type { Kind } from '../resources/kinds.ts'
import { DEFAULT_NAMESPACE } from '../resources/object.ts'
import type { LayoutVersion } from '../store/layout.ts'

/**
 * Of what lies under these keys; layout.ts says what moves it. With it goes a step in upgrade/, for stores that are there.
 *
 *     1.0   audit records name one object each; the manifest applied last always has an entry of its own
 *     2.0   an audit record names all objects of its transaction; an object's entry notes which of it are defaults (applied.ts)
 *     3.0   a Service may name Configs and Secrets, and an Instance those that it runs with; there are Recipients and Deliveries
 *     3.1   there are ScaledObjects with their claims, ScaledJobs, Jobs and TriggerAuthentications; a Node says where its metrics are
 */
export const STORE_LAYOUT: LayoutVersion = { major: 3, minor: 1 }

/** Stands for the namespace of what has none. */
export const CLUSTER = '_'
export const REVISION_DIGITS = 8
/** Ends the key of a spec that is kept beside its revision's record. */
export const SPEC_STEP = '/spec'
export const AUDIT_PREFIX = 'audit/'
export const NODE_PREFIX = 'node/'
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

export function isClaimKey(key: string): boolean {
  return key.startsWith(CLAIM_PREFIX)
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
    return [`obj/${kind.group}/${kind.plural}/${inside}`]
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
  /** `object`: all of it; `spec` and `status`: the two halves of what belongs to a node. */
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
  if (steps[0] === 'obj' && steps.length === 5)
    return {
      part: 'object',
      group: at(1),
      plural: at(2),
      namespace: plainNamespace(at(3)),
      name: at(4),
      node: undefined,
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
