/** What concerns a ScaledObject: its own spec, its Service, others on the same Service, and what its triggers log in with. */
import { deepEqual } from '../../core/json.ts'
import type { ObjectCache, ObjectIndex } from '../../engine/cache.ts'
import { ownKey, type Watch } from '../../engine/controller.ts'
import type {
  ClusterTriggerAuthentication,
  ScaledObject,
  Secret,
  TriggerAuthentication,
} from '../../resources/generated/types.ts'
import { secretContent } from '../../resources/materials.ts'
import { type AnyResource, type ObjectRef, refOfObject } from '../../resources/object.ts'
import { targetName } from './problem.ts'

/** Indexes of ScaledObjects, and of the Services that they own a field of. */
export interface ScaledObjectIndexes {
  /** By `namespace/service`. */
  readonly byTarget: ObjectIndex
  /** Services by `namespace/manager`. */
  readonly managed: ObjectIndex
}

/** Where Secrets of ClusterTriggerAuthentications are. */
export const CLUSTER_NAMESPACE = 'nsctl'

/** Kinds that triggers take credentials from; a change of one is a reason to log in anew. */
export interface WatchOptions {
  readonly cache: ObjectCache
  /** What a trigger of it logs in with has changed. */
  readonly onCredentials: (ref: ObjectRef) => void
}

export function scaledObjectIndexes(cache: ObjectCache): ScaledObjectIndexes {
  const targetKeys = (object: AnyResource): readonly string[] => {
    const name = targetName(object as unknown as ScaledObject)
    return name === undefined ? [] : [`${object.metadata.namespace}/${name}`]
  }
  return {
    byTarget: cache.index('ScaledObject', targetKeys),
    managed: cache.index('Service', ({ metadata: { namespace, managedFields = [] } }) =>
      managedFields.map(({ manager }) => `${namespace}/${manager}`),
    ),
  }
}

export function scaledObjectWatches(
  { cache, onCredentials }: WatchOptions,
  { byTarget }: ScaledObjectIndexes,
) {
  const users = cache.index('ScaledObject', (object) => authenticationKeys(object as unknown as ScaledObject))
  const sources = [
    cache.index('TriggerAuthentication', (one) => materialKeys(one, one.metadata.namespace ?? '')),
    cache.index('ClusterTriggerAuthentication', (one) => materialKeys(one, CLUSTER_NAMESPACE)),
  ]
  const named = (refs: readonly ObjectRef[]): readonly ObjectRef[] => {
    for (const ref of refs) onCredentials(ref)
    return refs
  }
  const usersOf = (authentication: AnyResource): readonly ObjectRef[] =>
    users.get(authenticationKey(authentication)).map((one) => refOfObject(one))
  const usersOfMaterial = (material: AnyResource): readonly ObjectRef[] => {
    const { namespace, name } = material.metadata
    const authentications = sources.flatMap((index) => index.get(`${namespace}/${material.kind}/${name}`))
    return authentications.flatMap(usersOf)
  }
  const onTarget = (service: AnyResource): readonly ObjectRef[] =>
    byTarget.get(`${service.metadata.namespace}/${service.metadata.name}`).map((one) => refOfObject(one))
  const sharers = (object: AnyResource): readonly ObjectRef[] => {
    const name = targetName(object as unknown as ScaledObject)
    if (name === undefined) return []
    return byTarget.get(`${object.metadata.namespace}/${name}`).map((one) => refOfObject(one))
  }
  const watches: readonly Watch[] = [
    {
      kind: 'ScaledObject',
      // two on one Service: the one that goes or comes concerns the other
      toKeys: (now, old) =>
        old !== undefined && sameOrders(now, old)
          ? []
          : [...ownKey(now), ...sharers(now), ...(old === undefined ? [] : sharers(old))],
    },
    {
      kind: 'Service',
      toKeys: (now, old) => (old !== undefined && sameTarget(now, old) ? [] : onTarget(now)),
    },
    { kind: 'Instance', toKeys: () => [] },
    {
      kind: 'TriggerAuthentication',
      toKeys: (now, old) => (old !== undefined && deepEqual(now.spec, old.spec) ? [] : named(usersOf(now))),
    },
    {
      kind: 'ClusterTriggerAuthentication',
      toKeys: (now, old) => (old !== undefined && deepEqual(now.spec, old.spec) ? [] : named(usersOf(now))),
    },
    {
      kind: 'Secret',
      toKeys: (now, old) =>
        old !== undefined && deepEqual(contentOf(now), contentOf(old)) ? [] : named(usersOfMaterial(now)),
    },
    {
      kind: 'Config',
      toKeys: (now, old) =>
        old !== undefined && deepEqual(now.spec, old.spec) ? [] : named(usersOfMaterial(now)),
    },
  ]
  return watches
}

/** `namespace/kind/name` of what the triggers name. */
function authenticationKeys({ metadata: { namespace }, spec }: ScaledObject): readonly string[] {
  const keys = spec.triggers.flatMap(({ authenticationRef }) => {
    if (authenticationRef === undefined) return []
    const { kind = 'TriggerAuthentication', name } = authenticationRef
    return [kind === 'TriggerAuthentication' ? `${namespace}/${kind}/${name}` : `/${kind}/${name}`]
  })
  return [...new Set(keys)]
}

function authenticationKey({ kind, metadata: { namespace = '', name } }: AnyResource): string {
  return `${namespace}/${kind}/${name}`
}

function materialKeys(object: AnyResource, namespace: string): readonly string[] {
  const { spec } = object as unknown as TriggerAuthentication | ClusterTriggerAuthentication
  const secrets = (spec.secretTargetRef ?? []).map(({ name }) => `${namespace}/Secret/${name}`)
  const configs = (spec.configMapTargetRef ?? []).map(({ name }) => `${namespace}/Config/${name}`)
  const { tokenFrom } = spec.hashiCorpVault?.credential ?? {}
  const token = tokenFrom === undefined ? [] : [`${namespace}/Secret/${tokenFrom.name}`]
  return [...new Set([...secrets, ...configs, ...token])]
}

/** What a Secret holds, whoever uses it and whatever is said of it. */
function contentOf(object: AnyResource): unknown {
  return secretContent(object as unknown as Secret)
}

/** A status that this controller writes itself wakes nobody. */
function sameOrders({ metadata: a }: AnyResource, { metadata: b }: AnyResource): boolean {
  return (
    a.uid === b.uid &&
    a.generation === b.generation &&
    a.deletionTimestamp === b.deletionTimestamp &&
    deepEqual(a.annotations, b.annotations)
  )
}

/** Its number and its template (its environment is where some parameters come from); not what becomes of its instances. */
function sameTarget(now: AnyResource, old: AnyResource): boolean {
  return (
    now.metadata.uid === old.metadata.uid &&
    now.metadata.generation === old.metadata.generation &&
    now.metadata.deletionTimestamp === old.metadata.deletionTimestamp
  )
}
