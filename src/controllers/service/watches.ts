/** What wakes a Service: itself, what it has, what its template names, and the nodes. */
import { deepEqual } from '../../core/json.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import { ownKey, type Watch } from '../../engine/controller.ts'
import { findCondition } from '../../resources/conditions.ts'
import type { Node, Route, Secret, Service } from '../../resources/generated/types.ts'
import { type MaterialKind, materialKey, materialRefs, secretContent } from '../../resources/materials.ts'
import { type AnyResource, type ObjectRef, refOfObject } from '../../resources/object.ts'
import { dependenciesOf, nameOfService } from '../../resources/service/dependencies.ts'
import { frees, keepsAwayAsBefore, type Placer, takesAsBefore } from '../placer.ts'
import { isSaidAsBefore, type Quotas } from '../quotas.ts'
import { isReady } from './dependencies.ts'
import { standingPart } from './standing.ts'

const PER_NODE = 'perNode'

/** A change of a Config or a Secret wakes the Services that name it, and no other. */
export function serviceWatches(
  cache: ObjectCache,
  placer: Pick<Placer, 'waiting'>,
  quotas: Pick<Quotas, 'waiting'>,
): readonly Watch[] {
  const waiting = () => placer.waiting('Service')
  const beyondQuota = ({ metadata }: AnyResource) => quotas.waiting('Service', metadata.namespace)
  const onEachNode = cache.index('Service', (one) =>
    (one as unknown as Service).spec.placement?.strategy === PER_NODE ? [PER_NODE] : [],
  )
  const awaiting = cache.index('Service', (one) => dependenciesOf(one as unknown as Service))
  const dependents = (one: AnyResource) => awaiting.get(nameOfService(one)).map((each) => refOfObject(each))
  const ownService = (object: AnyResource): readonly ObjectRef[] => {
    const service = (object.spec as { readonly service?: string } | undefined)?.service
    if (service === undefined) return []
    return [{ kind: 'Service', namespace: object.metadata.namespace, name: service }]
  }
  const onNode = cache.index('Instance', ({ spec }) => [String(spec?.node ?? '')])
  const thoseOn = (node: AnyResource) => onNode.get(node.metadata.name).flatMap(ownService)
  const named = cache.index('Service', (one) => materialKeys(one as unknown as Service))
  const thatName =
    (kind: MaterialKind) =>
    (now: AnyResource, old?: AnyResource): readonly ObjectRef[] => {
      if (old !== undefined && sameContent(kind, now, old)) return []
      const { namespace, name } = now.metadata
      return named.get<Service>(`${namespace}/${kind}/${name}`).map((one) => refOfObject(one))
    }
  return [
    {
      kind: 'Service',
      // what one keeps away from may be in the way of others
      toKeys: (now, old) => [
        ...ownKey(now),
        ...(keepsAwayAsBefore(now, old) ? [] : waiting()),
        ...(old !== undefined && isAwaitedAsBefore(now, old) ? [] : dependents(now)),
      ],
    },
    { kind: 'Config', toKeys: thatName('Config') },
    { kind: 'Secret', toKeys: thatName('Secret') },
    {
      kind: 'Instance',
      toKeys: (now, old) => [
        ...ownService(now),
        ...(frees(now, old) ? [...waiting(), ...beyondQuota(now)] : []),
      ],
    },
    { kind: 'Volume', toKeys: ownService },
    { kind: 'ResourceQuota', toKeys: (now, old) => (isSaidAsBefore(now, old) ? [] : beyondQuota(now)) },
    { kind: 'LimitRange', toKeys: beyondQuota },
    // what names a class that is not there waits with those
    { kind: 'PriorityClass', toKeys: () => [...waiting(), ...quotas.waiting('Service')] },
    { kind: 'Job', toKeys: () => [] },
    {
      kind: 'Route',
      toKeys: (now, old) => (old !== undefined && deepEqual(saidOf(now), saidOf(old)) ? [] : ownService(now)),
    },
    {
      kind: 'Node',
      toKeys: (node, old) => {
        if (old === undefined || !deepEqual(partOf(node), partOf(old)))
          return cache.list<Service>('Service').map((one) => refOfObject(one))
        // what was on a lost node counts to no quota any more
        const there = deepEqual(standsOf(node), standsOf(old))
          ? []
          : [...thoseOn(node), ...quotas.waiting('Service')]
        if (takesAsBefore(node, old)) return there
        return [...there, ...waiting(), ...onEachNode.get(PER_NODE).map((one) => refOfObject(one))]
      },
    },
  ]
}

/** What a Service says of a Route: the generation that is led is for another. */
function saidOf(object: AnyResource): unknown {
  const { spec, status, metadata } = object as unknown as Route
  return [spec.url, status?.phase, status?.message, status?.backends, metadata.deletionTimestamp]
}

/** What those go by that depend on it: whether it is ready, and how a circle goes on. */
function isAwaitedAsBefore(now: AnyResource, old: AnyResource): boolean {
  const [after, before] = [now as unknown as Service, old as unknown as Service]
  return isReady(after) === isReady(before) && deepEqual(after.spec.dependsOn, before.spec.dependsOn)
}

/** What Services depend on of a Node: a count of instances that has changed is to wake none of ten thousand. */
function partOf(object: AnyResource): unknown {
  const { spec, status } = object as unknown as Node
  return [status?.phase, status?.addresses, status?.recipient, spec?.recipient]
}

/** What those that run there go by. */
function standsOf(object: AnyResource): unknown {
  return standingPart(object as unknown as Node)
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
