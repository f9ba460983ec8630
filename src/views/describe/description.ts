/** What describe shows of an object, gathered. */
import type { RevisionRecord } from '../../api/api.ts'
import type { Client } from '../../client/client.ts'
import type { RefusedBy } from '../../placement/placement.ts'
import type { Kind } from '../../resources/kinds.ts'
import { type AnyResource, GROUP } from '../../resources/object.ts'
import { isAbout, isAboutInstanceOf } from '../events.ts'
import { textAt } from '../fields.ts'
import { isScaler } from '../scaler/about.ts'
import { gatherScaler, type ScalerRecord } from '../scaler/record.ts'
import { gatherRefusals } from './placement.ts'

export interface Description {
  readonly kind: Kind
  readonly object: AnyResource
  /** Milliseconds since the epoch: what ages count from. */
  readonly nowMs: number
  /** About the object and, for a Service, about its instances. In any order. */
  readonly events: readonly AnyResource[]
  /** Newest first; empty where the kind keeps none. */
  readonly revisions: readonly RevisionRecord[]
  /** A Service's, a Job's or a Node's. */
  readonly instances: readonly AnyResource[]
  /** A Service's. */
  readonly volumes: readonly AnyResource[]
  /** All of a Config's or a Secret's namespace. */
  readonly services: readonly AnyResource[]
  /** All of a Config's or a Secret's namespace. */
  readonly deliveries: readonly AnyResource[]
  /** All there are; a Secret's. */
  readonly recipients: readonly AnyResource[]
  /** ScaledObjects and ScaledJobs that a TriggerAuthentication may be used by. */
  readonly scalers?: readonly AnyResource[]
  /** That a ScaledJob made. */
  readonly jobs?: readonly AnyResource[]
  /** A ScaledObject's or a ScaledJob's. */
  readonly scaler?: ScalerRecord
  /** Why some of a Service's or a Job's have no node. */
  readonly refused?: readonly RefusedBy[]
  /** Of the terminal; where there is none, pages that care take 120. */
  readonly columns?: number
}

/** What is read besides the events of an object. */
const AROUND: Readonly<Record<string, readonly string[]>> = {
  Service: ['Instance', 'Volume'],
  Node: ['Instance'],
  Config: ['Service', 'Delivery'],
  Secret: ['Service', 'Delivery', 'Recipient'],
  Job: ['Instance'],
  ScaledJob: ['Job'],
  TriggerAuthentication: ['ScaledObject', 'ScaledJob'],
  ClusterTriggerAuthentication: ['ScaledObject', 'ScaledJob'],
}

/** Kinds of which things run on nodes. */
const PLACED: ReadonlySet<string> = new Set(['Service', 'Job'])

/** Reads all that describe shows of `object`, in one snapshot and, where there are revisions or nodes that refuse it, one more read each. */
export async function gatherDescription(
  client: Client,
  kind: Kind,
  object: AnyResource,
  nowMs: number,
): Promise<Description> {
  const { namespace, name, uid } = object.metadata
  const scope = namespace === undefined ? {} : { namespace }
  const isOwn = kind.group === GROUP
  const names = ['Event', ...((isOwn && AROUND[kind.kind]) || [])]
  const wanted = names.map((one) => client.kinds.byKind(one))
  const [snapshot, revisions, scaler, refused] = await Promise.all([
    client.listAll(wanted, scope),
    kind.revisioned ? client.history({ kind: kind.kind, name, version: kind.version, ...scope }) : [],
    isOwn && isScaler(kind.kind) ? gatherScaler(client, object, nowMs) : undefined,
    isOwn && PLACED.has(kind.kind) ? gatherRefusals(client, object) : undefined,
  ])
  const listOf = (one: string) => snapshot.lists[names.indexOf(one)] ?? []
  return {
    kind,
    object,
    nowMs,
    revisions,
    ...(scaler === undefined ? {} : { scaler }),
    ...(refused === undefined ? {} : { refused }),
    instances: listOf('Instance').filter((instance) => belongsTo(instance, kind, name)),
    volumes: listOf('Volume').filter((volume) => belongsTo(volume, kind, name)),
    services: listOf('Service'),
    deliveries: listOf('Delivery'),
    recipients: listOf('Recipient'),
    jobs: listOf('Job').filter(({ metadata }) =>
      metadata.ownerReferences?.some((owner) => owner.kind === 'ScaledJob' && owner.name === name),
    ),
    scalers: [...listOf('ScaledObject'), ...listOf('ScaledJob')],
    events: listOf('Event').filter(
      (event) =>
        isAbout(event, { kind: kind.kind, name, ...scope, ...(uid !== undefined && { uid }) }) ||
        (kind.kind === 'Service' && isAboutInstanceOf(event, name, namespace)),
    ),
  }
}

function belongsTo(object: AnyResource, kind: Kind, name: string): boolean {
  if (kind.kind === 'Service') return textAt(object, 'spec.service') === name
  if (kind.kind === 'Job') return textAt(object, 'spec.job') === name
  return kind.kind === 'Node' && textAt(object, 'spec.node') === name
}
