/**
 * Makes this node's load balancer lead requests as its Routes say, and says of each since when it does. There is one key: a pass is over all
 * Routes, as the balancer is told all of them.
 */
import type { ResourceController } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import { deepEqual, type Json } from '../../core/json.ts'
import type { Logger } from '../../core/logger.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { ControllerSpec } from '../../engine/controller.ts'
import { type Outcome, recheck } from '../../engine/reconciler.ts'
import type { Route, RouteStatus } from '../../resources/generated/types.ts'
import { type AnyResource, refOfObject } from '../../resources/object.ts'
import { type Backend, type Balancer, BalancerError, type Route as Led } from '../../traffic/balancer.ts'
import { type Listens, listens } from '../catalog/reach.ts'
import { LocalAddresses } from './local-addresses.ts'
import { Reachable } from './reachable.ts'

export interface EdgeOptions {
  readonly node: string
  readonly cache: Pick<ObjectCache, 'list'>
  readonly api: Pick<ResourceController, 'updateStatus'>
  readonly balancer: Pick<Balancer, 'name' | 'lead'>
  readonly clock: Clock
  readonly logger: Logger
  readonly isListening?: Listens
}

export const PASS = 'pass'
/** What the balancer forgets nobody tells. */
const LOOK_AGAIN_MS = 5_000
const RETRY_MS = 2_000
/** Each time is a write. */
const REQUESTS_TOLD_MS = 10_000

/** Its `held` is told of routes for which a request waits, its `requested` of those that requests come in for. */
export interface Edge {
  readonly spec: ControllerSpec<string>
  held(route: string): void
  requested(route: string): void
  /** Looks after what can be reached, until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
}

/** @param enqueue wakes the controller */
export function createEdge(options: EdgeOptions, enqueue: () => void): Edge {
  const { node, cache, api, balancer, clock, logger, isListening = listens } = options
  const local = new LocalAddresses(node, isListening)
  const reachable = new Reachable({ clock, isListening, onChange: enqueue })
  /** When a request last began to wait, by the route's id; as RFC 3339. */
  const heldAt = new Map<string, string>()
  /** When requests last came in, by the route's id, milliseconds of wall clock. The next pass tells it. */
  const requestedMs = new Map<string, number>()
  let logged = ''

  async function pass(signal: AbortSignal): Promise<Outcome> {
    const routes = cache
      .list<Route>('Route')
      .filter(({ metadata, spec }) => spec.node === node && metadata.deletionTimestamp === undefined)
    const led = await Promise.all(routes.map((route) => ledOf(route, local, signal)))
    local.retain(routes)
    // what is on this node its agent, which is this one, hears of at once
    reachable.watch(led.flatMap(({ backends }) => backends.filter((one) => one.node !== node)))
    let failure: BalancerError | undefined
    try {
      await balancer.lead(led.map(reached), signal)
    } catch (error) {
      if (!(error instanceof BalancerError)) throw error
      failure = error
    }
    tell(failure)
    await Promise.all(routes.map((route, index) => write(route, led[index], failure)))
    if (failure !== undefined) return recheck(RETRY_MS, failure.message)
    return recheck(LOOK_AGAIN_MS, 'what the balancer forgets nobody tells')
  }

  /** Who began no request has led none: that holds whether the balancer could be configured or not. */
  async function write(
    route: Route,
    led: LedHere | undefined,
    failure: BalancerError | undefined,
  ): Promise<void> {
    const id = idOf(route)
    const held = heldAt.get(id) ?? route.status?.heldAt
    const requested = route.spec.scaled === true ? requestedAt(route, requestedMs.get(id)) : undefined
    const why = failure?.routes === undefined ? failure?.message : failure.routes.get(id)
    const status: RouteStatus = {
      ledGeneration: route.metadata.generation ?? 0,
      backends: led === undefined ? 0 : reached(led).backends.length,
      phase: why === undefined ? 'Led' : 'Failed',
      ...(why === undefined ? {} : { reason: failure?.reason ?? 'Failed', message: why }),
      ...(requested === undefined ? {} : { requestedAt: requested }),
      ...(held === undefined ? {} : { heldAt: held }),
    }
    if (deepEqual(status, route.status)) return
    const ref = { ...refOfObject(route), uid: route.metadata.uid }
    await api.updateStatus(ref, status as unknown as Json)
  }

  function reached(route: LedHere): LedHere {
    return { ...route, backends: reachable.of(route.backends) }
  }

  function tell(failure: BalancerError | undefined): void {
    const message = failure?.message ?? ''
    if (message !== logged) {
      if (message !== '') logger.log('warn', `requests are not led as they should be: ${message}`)
      else logger.log('info', `${balancer.name} leads requests again`)
    }
    logged = message
  }

  return {
    spec: {
      name: 'edge',
      watches: [{ kind: 'Route', toKeys: (now, old) => (isSame(now, old) ? [] : [PASS]) }],
      reconciler: { reconcile: (_, signal) => pass(signal) },
      backoff: { baseMs: 100, maxMs: LOOK_AGAIN_MS },
    },
    held(route) {
      const now = new Date(clock.now()).toISOString()
      // once a second is enough to be woken by
      const before = heldAt.get(route)
      if (before !== undefined && Date.parse(now) - Date.parse(before) < 1_000) return
      heldAt.set(route, now)
      enqueue()
    },
    requested: (route) => void requestedMs.set(route, clock.now()),
    run: (signal) => reachable.run(signal),
  }
}

/** What is told already stands until there is that much more to tell. */
function requestedAt({ status }: Route, atMs: number | undefined): string | undefined {
  const told = status?.requestedAt
  if (atMs === undefined) return told
  const isNews = told === undefined || Math.abs(atMs - Date.parse(told)) >= REQUESTS_TOLD_MS
  return isNews ? new Date(atMs).toISOString() : told
}

function isSame(now: AnyResource, old: AnyResource | undefined): boolean {
  return (
    old !== undefined &&
    old !== now &&
    old.metadata.generation === now.metadata.generation &&
    old.metadata.deletionTimestamp === now.metadata.deletionTimestamp
  )
}

function idOf({ metadata, spec }: Route): string {
  return `${metadata.namespace}/${spec.service}`
}

/** A route, with the nodes that its backends are on. */
interface LedHere extends Led {
  readonly backends: readonly (Backend & { readonly node: string })[]
}

async function ledOf(route: Route, local: LocalAddresses, signal: AbortSignal): Promise<LedHere> {
  const { hosts, path, listen, tls, affinity, backends } = route.spec
  return {
    ...{ id: idOf(route), hosts, path, listen, tls, affinity },
    backends: await Promise.all(
      backends.map(async (one) => ({
        address: await local.of(one, signal),
        port: one.port,
        weight: one.weight,
        node: one.node,
      })),
    ),
  }
}
