/** What wakes a Service: itself, what it has, what its template names, and the nodes. */
import { deepEqual } from '../../core/json.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import { ownKey, type Watch } from '../../engine/controller.ts'
import { findCondition } from '../../resources/conditions.ts'
import type { Node, Secret, Service } from '../../resources/generated/types.ts'
import { type MaterialKind, materialKey, materialRefs, secretContent } from '../../resources/materials.ts'
import { type AnyResource, type ObjectRef, refOfObject } from '../../resources/object.ts'

/** A change of a Config or a Secret wakes the Services that name it, and no other. */
export function serviceWatches(cache: ObjectCache): readonly Watch[] {
  const ownService = (object: AnyResource): readonly ObjectRef[] => {
    const service = (object.spec as { readonly service?: string } | undefined)?.service
    if (service === undefined) return []
    return [{ kind: 'Service', namespace: object.metadata.namespace, name: service }]
  }
  const named = cache.index('Service', (one) => materialKeys(one as unknown as Service))
  const thatName =
    (kind: MaterialKind) =>
    (now: AnyResource, old?: AnyResource): readonly ObjectRef[] => {
      if (old !== undefined && sameContent(kind, now, old)) return []
      const { namespace, name } = now.metadata
      return named.get<Service>(`${namespace}/${kind}/${name}`).map((one) => refOfObject(one))
    }
  return [
    { kind: 'Service', toKeys: ownKey },
    { kind: 'Config', toKeys: thatName('Config') },
    { kind: 'Secret', toKeys: thatName('Secret') },
    { kind: 'Instance', toKeys: ownService },
    { kind: 'Volume', toKeys: ownService },
    {
      kind: 'Node',
      toKeys: (node, old) =>
        old !== undefined && deepEqual(partOf(node), partOf(old))
          ? []
          : cache.list<Service>('Service').map((one) => refOfObject(one)),
    },
  ]
}

/** What Services depend on of a Node: a count of instances that has changed is to wake none of ten thousand. */
function partOf(object: AnyResource): unknown {
  const { spec, status } = object as unknown as Node
  return [status?.phase, status?.addresses, status?.recipient, spec?.recipient]
}

/** What a Service's template names, for the index. */
function materialKeys({ spec, metadata: { namespace } }: Service): readonly string[] {
  return materialRefs(spec.template).map((ref) => `${namespace}/${materialKey(ref)}`)
}

/** Who uses it, a label or another recipient is to wake no Service. */
function sameContent(kind: MaterialKind, now: AnyResource, old: AnyResource): boolean {
  if (kind === 'Config') return deepEqual(now.spec, old.spec)
  return deepEqual(standingOf(now), standingOf(old))
}

/** What a Secret holds, and whether nodes can be given that. */
function standingOf(object: AnyResource): unknown {
  const secret = object as unknown as Secret
  const { version, conditions } = secret.status ?? {}
  const { status, message } = findCondition(conditions, 'Openable') ?? {}
  return [secretContent(secret)?.version, version, status, message]
}
