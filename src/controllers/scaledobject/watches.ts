/** What concerns a ScaledObject: its own spec, its Service, others on the same Service, and what its triggers log in with. */
import { deepEqual } from '../../core/json.ts'
import type { ObjectCache, ObjectIndex } from '../../engine/cache.ts'
import { ownKey, type Watch } from '../../engine/controller.ts'
import type { Route, ScaledObject } from '../../resources/generated/types.ts'
import { type AnyResource, type ObjectRef, refOfObject } from '../../resources/object.ts'
import { credentialWatches } from '../credentials.ts'
import { sameOrders } from './orders.ts'
import { targetName } from './problem.ts'

/** Indexes of ScaledObjects, and of the Services that they own a field of. */
export interface ScaledObjectIndexes {
  /** By `namespace/service`. */
  readonly byTarget: ObjectIndex
  /** Services by `namespace/manager`. */
  readonly managed: ObjectIndex
}

export interface WatchOptions {
  readonly cache: ObjectCache
  /** What a trigger of it logs in with has changed. */
  readonly onCredentials: (ref: ObjectRef) => void
  /** Requests come in for its Service; one of them waits where it has no instance. */
  readonly onRequests: (scaler: ScaledObject, requests: { readonly waiting: boolean }) => void
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
  { cache, onCredentials, onRequests }: WatchOptions,
  { byTarget }: ScaledObjectIndexes,
) {
  const onTarget = (service: AnyResource, old: AnyResource | undefined): readonly ObjectRef[] => {
    const key = `${service.metadata.namespace}/${service.metadata.name}`
    const scalers = byTarget.get<ScaledObject>(key)
    // its environment is where some parameters come from
    const isOther = old !== undefined && !deepEqual(service.spec?.template, old.spec?.template)
    for (const one of isOther ? scalers.filter(readsEnvironment) : []) onCredentials(refOfObject(one))
    return scalers.map((one) => refOfObject(one))
  }
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
        old !== undefined && sameOrders(now, old) && sameDeletion(now, old)
          ? []
          : [...ownKey(now), ...sharers(now), ...(old === undefined ? [] : sharers(old))],
    },
    {
      kind: 'Service',
      toKeys: (now, old) => (old !== undefined && sameTarget(now, old) ? [] : onTarget(now, old)),
    },
    { kind: 'Instance', toKeys: () => [] },
    {
      kind: 'Route',
      toKeys: (now, old) => {
        const route = now as unknown as Route
        const { heldAt, requestedAt } = route.status ?? {}
        // what came before this process began has found somebody, or given up
        if (old === undefined) return []
        const before = (old as unknown as Route).status
        const waiting = heldAt !== undefined && heldAt !== before?.heldAt
        // whose clock says when is another machine's: that it is told is what counts
        if (!waiting && (requestedAt === undefined || requestedAt === before?.requestedAt)) return []
        const key = `${route.metadata.namespace}/${route.spec.service}`
        for (const one of byTarget.get<ScaledObject>(key)) onRequests(one, { waiting })
        return []
      },
    },
    ...credentialWatches('ScaledObject', cache, onCredentials),
  ]
  return watches
}

/** Its number and its template; not what becomes of its instances. */
function sameTarget(now: AnyResource, old: AnyResource): boolean {
  return (
    now.metadata.uid === old.metadata.uid &&
    now.metadata.generation === old.metadata.generation &&
    sameDeletion(now, old)
  )
}

function readsEnvironment({ spec: { triggers } }: ScaledObject): boolean {
  return triggers.some(
    ({ authenticationRef, metadata }) =>
      authenticationRef !== undefined || Object.keys(metadata).some((name) => name.endsWith('FromEnv')),
  )
}

function sameDeletion({ metadata: a }: AnyResource, { metadata: b }: AnyResource): boolean {
  return a.deletionTimestamp === b.deletionTimestamp
}
