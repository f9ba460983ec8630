/** What describe shows of an object, gathered. */
import type { RevisionRecord } from '../../api/api.ts'
import type { Client } from '../../client/client.ts'
import type { Kind } from '../../resources/kinds.ts'
import type { AnyResource } from '../../resources/object.ts'
import { isAbout, isAboutInstanceOf } from '../events.ts'
import { textAt } from '../fields.ts'

export interface Description {
  readonly kind: Kind
  readonly object: AnyResource
  /** Milliseconds since the epoch: what ages count from. */
  readonly nowMs: number
  /** About the object and, for a Service, about its instances. In any order. */
  readonly events: readonly AnyResource[]
  /** Newest first; empty where the kind keeps none. */
  readonly revisions: readonly RevisionRecord[]
  /** A Service's or a Node's. */
  readonly instances: readonly AnyResource[]
  /** A Service's. */
  readonly volumes: readonly AnyResource[]
}

/** Reads all that describe shows of `object`, in one snapshot and, where there are revisions, one more read. */
export async function gatherDescription(
  client: Client,
  kind: Kind,
  object: AnyResource,
  nowMs: number,
): Promise<Description> {
  const { namespace, name, uid } = object.metadata
  const scope = namespace === undefined ? {} : { namespace }
  const wanted = ['Event', 'Instance', 'Volume'].map((one) => client.kinds.byKind(one))
  const [snapshot, revisions] = await Promise.all([
    client.listAll(wanted, scope),
    kind.revisioned ? client.history({ kind: kind.kind, name, version: kind.version, ...scope }) : [],
  ])
  const [events = [], instances = [], volumes = []] = snapshot.lists
  const mine = instances.filter((instance) => belongsTo(instance, kind, name))
  return {
    kind,
    object,
    nowMs,
    revisions,
    instances: mine,
    volumes: volumes.filter((volume) => belongsTo(volume, kind, name)),
    events: events.filter(
      (event) =>
        isAbout(event, { kind: kind.kind, name, ...scope, ...(uid !== undefined && { uid }) }) ||
        (kind.kind === 'Service' && isAboutInstanceOf(event, name, namespace)),
    ),
  }
}

function belongsTo(object: AnyResource, kind: Kind, name: string): boolean {
  if (kind.kind === 'Service') return textAt(object, 'spec.service') === name
  return kind.kind === 'Node' && textAt(object, 'spec.node') === name
}
