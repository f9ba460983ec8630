/**
 * The Exposure controller: tells each node with a load balancer which instances of an exposed Service to lead requests to, and lets an instance
 * end once none of them leads anything to it. Read → plan → apply, for one Service at a time; what is said of it in status the Service
 * controller reads off the Routes.
 */
import type { ResourceController, ResourceReader } from '../../api/api.ts'
import { digest } from '../../core/ids.ts'
import { deepEqual, type JsonObject } from '../../core/json.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import { type ControllerSpec, ownKey } from '../../engine/controller.ts'
import { requestDeletes } from '../../engine/deletion.ts'
import { type Outcome, settled } from '../../engine/reconciler.ts'
import type { Instance, Node, Route, RouteSpec, Service } from '../../resources/generated/types.ts'
import { isEdge } from '../../resources/node.ts'
import { type AnyResource, API_VERSION, type ObjectRef, refOfObject } from '../../resources/object.ts'
import { exposureOf } from '../../resources/service/exposure.ts'
import { isFree, planExposure } from './plan.ts'

export type ExposureApi = Pick<ResourceController, 'createOwned' | 'updateOwned' | 'requestDelete'> &
  Pick<ResourceReader, 'get'>

export interface ExposureControllerOptions {
  readonly cache: ObjectCache
  readonly api: ExposureApi
  /** Told of an instance before it is let end, and waited for. Never rejects. */
  readonly withdraw?: (instance: Instance) => Promise<void>
}

/** Its keys are Services. */
export function exposureController({ cache, api, withdraw }: ExposureControllerOptions): ControllerSpec {
  const byService = cache.index('Instance', serviceKeys)
  const routesByService = cache.index('Route', serviceKeys)
  const reconciler = { reconcile: (ref: ObjectRef) => reconcile(ref) }

  async function reconcile(ref: ObjectRef): Promise<Outcome> {
    const key = `${ref.namespace} ${ref.name}`
    const service = cache.get<Service>(ref)
    const expose = service?.metadata.deletionTimestamp === undefined ? service?.spec.expose : undefined
    const routes = routesByService.get<Route>(key)
    if (expose === undefined && routes.length === 0) {
      const left = byService.get<Instance>(key)
      if (!left.some(({ spec }) => spec.traffic?.led === true)) return settled
    }
    const nodes = cache.list<Node>('Node')
    const exposure = expose && exposureOf(expose, service?.spec.template.ports)
    const plan = planExposure({
      service: ref.name,
      scaled:
        service?.metadata.managedFields?.some(({ fields }) => fields.includes('spec.replicas')) === true,
      exposure,
      instances: byService.get<Instance>(key),
      routes,
      nodes,
      traffic: service?.status?.traffic,
    })
    // whoever may be led requests has to know before
    await Promise.all(
      plan.mark.map((one) => setTraffic(one, { led: true, drainTimeout: exposure?.drainTimeout ?? '' })),
    )
    if (service !== undefined && plan.make.length > 0)
      await api.createOwned(plan.make.map((spec) => routeOf(service, spec)))
    await Promise.all([
      ...plan.change.map(({ route, spec }) =>
        api.updateOwned(
          { ...refOfObject(route), uid: route.metadata.uid },
          () => spec as unknown as JsonObject,
        ),
      ),
      requestDeletes(api, plan.remove as unknown as readonly AnyResource[]),
    ])
    await release(plan.release, plan.remove, { routes, nodes })
    return settled
  }

  /** Routes are asked for anew: one that this controller has just changed may lead to what the cache's does not. */
  async function release(
    instances: readonly Instance[],
    removed: readonly Route[],
    { routes, nodes }: { readonly routes: readonly Route[]; readonly nodes: readonly Node[] },
  ): Promise<void> {
    if (instances.length === 0) return
    const kept = routes.filter((one) => !removed.includes(one))
    const newest = await Promise.all(kept.map((route) => api.get<Route>(refOfObject(route))))
    const known = newest.filter((route) => route !== undefined)
    await Promise.all(
      instances
        .filter((one) => isFree(one, known, nodes))
        .map(async (one) => {
          await withdraw?.(one)
          await setTraffic(one, { led: false, drainTimeout: one.spec.traffic?.drainTimeout ?? '' })
        }),
    )
  }

  function setTraffic(instance: Instance, traffic: NonNullable<Instance['spec']['traffic']>): Promise<void> {
    const ref = { ...refOfObject(instance), uid: instance.metadata.uid }
    return api.updateOwned(ref, (spec) => ({ ...spec, traffic: { ...traffic } }))
  }

  return {
    name: 'exposure',
    watches: [
      { kind: 'Service', toKeys: ownKey },
      { kind: 'Instance', toKeys: onChange(ofService, instanceGist) },
      { kind: 'Route', toKeys: onChange(ofService, routeGist) },
      {
        kind: 'Node',
        toKeys: (now, old) =>
          old !== undefined && deepEqual(nodeGist(now), nodeGist(old))
            ? []
            : cache
                .list<Service>('Service')
                .filter(({ spec }) => spec.expose !== undefined)
                .map((one) => refOfObject(one)),
      },
    ],
    reconciler,
    concurrency: 16,
  }
}

function onChange(
  keysOf: (object: AnyResource) => readonly ObjectRef[],
  gist: (object: AnyResource) => unknown,
): (now: AnyResource, old?: AnyResource) => readonly ObjectRef[] {
  return (now, old) => {
    // what has gone is told as itself
    const isSame = old !== undefined && old !== now && deepEqual(gist(now), gist(old))
    return isSame ? [] : keysOf(now)
  }
}

function ofService({ metadata, spec }: AnyResource): readonly ObjectRef[] {
  const service = (spec as { readonly service?: string } | undefined)?.service
  return service === undefined ? [] : [{ kind: 'Service', namespace: metadata.namespace, name: service }]
}

function serviceKeys(object: AnyResource): readonly string[] {
  return ofService(object).map(({ namespace, name }) => `${namespace} ${name}`)
}

/** Most changes are of figures that no load balancer needs. */
function instanceGist(object: AnyResource): unknown {
  const { metadata, spec, status } = object as unknown as Instance
  return [metadata.deletionTimestamp, spec.traffic, status?.ready, status?.ports]
}

function routeGist(object: AnyResource): unknown {
  const { metadata, status } = object as unknown as Route
  return [metadata.generation, metadata.deletionTimestamp, status?.ledGeneration]
}

function nodeGist(object: AnyResource): unknown {
  const node = object as unknown as Node
  return [node.status?.phase, node.status?.addresses, isEdge(node)]
}

function routeOf(service: Service, spec: RouteSpec): AnyResource {
  const { name, namespace, uid } = service.metadata
  return {
    apiVersion: API_VERSION,
    kind: 'Route',
    metadata: {
      name: `${name}-${digest(spec.node, 5)}`,
      ...(namespace === undefined ? {} : { namespace }),
      ownerReferences: [
        { apiVersion: service.apiVersion, kind: service.kind, name, uid: uid ?? '', controller: true },
      ],
    },
    spec: spec as unknown as JsonObject,
  } as AnyResource
}
