/** What concerns a Config or a Secret: itself, who names it, who was given it, and whom it may be given to. */
import { deepEqual } from '../../core/json.ts'
import type { ObjectCache, ObjectIndex } from '../../engine/cache.ts'
import { ownKey, type Watch } from '../../engine/controller.ts'
import type { Delivery, Instance, Node, Recipient, Secret, Service } from '../../resources/generated/types.ts'
import { type MaterialKind, materialRefs } from '../../resources/materials.ts'
import { type AnyResource, type ObjectRef, refOfObject } from '../../resources/object.ts'
import { CONTROL_PLANE } from './own-identity.ts'

/** By `materialText`. */
export interface MaterialIndexes {
  readonly instances: ObjectIndex
  readonly deliveries: ObjectIndex
  readonly services: ObjectIndex
}

export function materialIndexes(cache: ObjectCache): MaterialIndexes {
  const index = (kind: string, refsOf: (object: AnyResource) => readonly ObjectRef[]) =>
    cache.index(kind, (object) => refsOf(object).map(materialText))
  return {
    instances: index('Instance', ofInstance),
    deliveries: index('Delivery', ofDelivery),
    services: index('Service', ofService),
  }
}

/** One text for each Config and Secret. */
export function materialText({ kind, namespace, name }: ObjectRef): string {
  return `${namespace}/${kind}/${name}`
}

export function deliveryWatches(cache: ObjectCache): readonly Watch[] {
  const allSecrets = () => cache.list<Secret>('Secret').map((one) => refOfObject(one))
  return [
    { kind: 'Config', toKeys: ownKey },
    { kind: 'Secret', toKeys: ownKey },
    { kind: 'Instance', toKeys: onChange(ofInstance, needsOf) },
    { kind: 'Delivery', toKeys: onChange(ofDelivery, givenOf) },
    { kind: 'Service', toKeys: onChange(ofService, ofService) },
    {
      kind: 'Node',
      toKeys: (now, old) => (old !== undefined && deepEqual(keysOf(now), keysOf(old)) ? [] : allSecrets()),
    },
    {
      kind: 'Recipient',
      toKeys: (now, old) =>
        now.metadata.name !== CONTROL_PLANE.name || keyOf(now) === (old && keyOf(old)) ? [] : allSecrets(),
    },
  ]
}

/** What `now` and `old` name, unless all is the same that matters. */
function onChange(
  refsOf: (object: AnyResource) => readonly ObjectRef[],
  partOf: (object: AnyResource) => unknown,
): Watch['toKeys'] {
  return (now, old) => {
    if (old === undefined) return refsOf(now)
    return deepEqual(partOf(now), partOf(old)) ? [] : [...refsOf(old), ...refsOf(now)]
  }
}

function ofInstance(object: AnyResource): readonly ObjectRef[] {
  const { spec, status } = object as unknown as Instance
  return refsIn(object, [...(spec.materials ?? []), ...(status?.materials ?? [])])
}

function ofDelivery(object: AnyResource): readonly ObjectRef[] {
  return refsIn(object, [(object as unknown as Delivery).spec.source])
}

function ofService(object: AnyResource): readonly ObjectRef[] {
  return refsIn(object, materialRefs((object as unknown as Service).spec.template))
}

function refsIn(
  { metadata: { namespace } }: AnyResource,
  named: readonly { readonly kind: MaterialKind; readonly name: string }[],
): readonly ObjectRef[] {
  return named.map(({ kind, name }) => ({ kind, name, ...(namespace === undefined ? {} : { namespace }) }))
}

function needsOf(object: AnyResource): unknown {
  const { spec, status, metadata } = object as unknown as Instance
  return [spec.materials, status?.materials, metadata.deletionTimestamp]
}

function givenOf(object: AnyResource): unknown {
  const { spec, status } = object as unknown as Delivery
  return [spec.version, spec.recipient, status]
}

function keysOf(object: AnyResource): unknown {
  const { spec, status } = object as unknown as Node
  return [spec?.recipient, status?.recipient]
}

function keyOf(object: AnyResource): string {
  return (object as unknown as Recipient).spec.key
}
