/** Which load balancers lead requests to which instances of a Service, and which instances are free to end. Pure. */
import { deepEqual } from '../../core/json.ts'
import type { Instance, Node, Route, RouteBackends, RouteSpec } from '../../resources/generated/types.ts'
import { isEdge, isJudgedSilent, isReady } from '../../resources/node.ts'
import { type Exposure, exposureUrl } from '../../resources/service/exposure.ts'

export interface ExposureInput {
  readonly service: string
  /** A ScaledObject scales it. */
  readonly scaled: boolean
  /** Undefined where it is not exposed, or not any more. */
  readonly exposure: Exposure | undefined
  /** All of the Service's, those that are ending included. */
  readonly instances: readonly Instance[]
  /** All of the Service's. */
  readonly routes: readonly Route[]
  readonly nodes: readonly Node[]
  /** Parts of the requests by hash of template; equal parts for all where undefined. */
  readonly traffic: readonly TemplateShare[] | undefined
}

export interface TemplateShare {
  readonly hash: string
  readonly weight: number
}

/** In this order. */
export interface ExposurePlan {
  /** Instances that are to know that requests may come. */
  readonly mark: readonly Instance[]
  readonly make: readonly RouteSpec[]
  readonly change: readonly { readonly route: Route; readonly spec: RouteSpec }[]
  readonly remove: readonly Route[]
  /** Instances that are ending and that no load balancer leads anything to any more, as far as these routes tell. */
  readonly release: readonly Instance[]
}

export function planExposure(input: ExposureInput): ExposurePlan {
  const { exposure, instances, routes, nodes } = input
  const edges = exposure === undefined ? [] : nodes.filter(isEdge)
  const backends = exposure === undefined ? [] : backendsOf(input, exposure)
  const specs = new Map(
    exposure === undefined
      ? []
      : edges.map((edge) => [edge.metadata.name, routeSpec(input, exposure, edge, backends)]),
  )
  const there = new Map(routes.map((route) => [route.spec.node, route]))
  const led = new Set(specs.size === 0 ? [] : backends.map(({ instance }) => instance))
  return {
    mark: instances.filter(
      ({ metadata, spec }) => led.has(metadata.name) && spec.traffic?.drainTimeout !== exposure?.drainTimeout,
    ),
    make: [...specs.values()].filter(({ node }) => !there.has(node)),
    change: routes.flatMap((route) => {
      const spec = specs.get(route.spec.node)
      return spec === undefined || deepEqual(spec, route.spec) ? [] : [{ route, spec }]
    }),
    remove: routes.filter(({ spec }) => !specs.has(spec.node)),
    release: instances.filter(
      (one) => isEnding(one) && one.spec.traffic?.led === true && isFree(one, routes, nodes),
    ),
  }
}

/** No load balancer whose agent answers leads anything to it any more. */
export function isFree({ metadata }: Instance, routes: readonly Route[], nodes: readonly Node[]): boolean {
  return routes.every((route) => {
    const { node, backends } = route.spec
    // nobody there can say so; the instance waits for its drain timeout at most
    const edge = nodes.find((one) => one.metadata.name === node)
    if (edge === undefined || !isReady(edge)) return true
    const isLed = backends.some(({ instance }) => instance === metadata.name)
    return !isLed && (route.status?.ledGeneration ?? 0) >= (route.metadata.generation ?? 0)
  })
}

function isEnding({ metadata }: Instance): boolean {
  return metadata.deletionTimestamp !== undefined
}

function routeSpec(
  { service, scaled }: ExposureInput,
  { hosts, path, listen, tls, affinity }: Exposure,
  edge: Node,
  backends: readonly RouteBackends[],
): RouteSpec {
  const place = { hosts, path, listen, tls, affinity }
  const url = exposureUrl({ ...place, drainTimeout: '' }, edge.status?.addresses?.[0] ?? '127.0.0.1')
  return { node: edge.metadata.name, service, url, ...place, ...(scaled && { scaled }), backends }
}

function backendsOf(
  { instances, nodes, traffic }: ExposureInput,
  { port }: Exposure,
): readonly RouteBackends[] {
  const byName = new Map(nodes.map((node) => [node.metadata.name, node]))
  const ready = instances.filter((one) => !isEnding(one) && one.status?.ready === true)
  const heard = ready.filter(({ spec }) => !isJudgedSilent(byName.get(spec.node)?.status))
  // where all of them are silent it is more likely that nobody hears them than that nobody is there
  const candidates = (heard.length > 0 ? heard : ready).flatMap((one) => {
    const given = one.status?.ports?.find(({ name }) => name === port)?.port
    const address = byName.get(one.spec.node)?.status?.addresses?.[0]
    return given === undefined || address === undefined ? [] : [{ one, port: given, address }]
  })
  const weightOf = weights(
    candidates.map(({ one }) => one),
    traffic,
  )
  return candidates
    .map(({ one, port: given, address }) => ({
      instance: one.metadata.name,
      node: one.spec.node,
      address,
      port: given,
      weight: weightOf(one),
    }))
    .sort((a, b) => (a.instance < b.instance ? -1 : 1))
}

/** A template's part is shared by its instances. */
function weights(
  instances: readonly Instance[],
  traffic: readonly TemplateShare[] | undefined,
): (instance: Instance) => number {
  if (traffic === undefined || traffic.length === 0) return () => 1
  const counts = new Map<string, number>()
  for (const { spec } of instances) counts.set(spec.templateHash, (counts.get(spec.templateHash) ?? 0) + 1)
  const parts = new Map(traffic.map(({ hash, weight }) => [hash, weight]))
  // a template that has no instance yet leaves its part to the others
  const present = instances.some(({ spec }) => (parts.get(spec.templateHash) ?? 0) > 0)
  if (!present) return () => 1
  return ({ spec }) =>
    Math.round(((parts.get(spec.templateHash) ?? 0) * SHARES) / (counts.get(spec.templateHash) ?? 1))
}

/** Weights are whole numbers: of 1 % that three instances share, too. */
const SHARES = 60
