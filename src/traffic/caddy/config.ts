/**
 * What of Caddy's configuration is nsctl's, and how it gets there without touching what is others'. Everything of ours has an `@id` that
 * begins with the owner, or is a server whose name does. Pure.
 */

import { digest } from '../../core/ids.ts'
import { isObject, type Json, type JsonObject } from '../../core/json.ts'
import type { Backend, Route } from '../balancer.ts'

export interface Wanted {
  /** Begins all names of ours: `nsctl-h3kq9x`. */
  readonly owner: string
  /** Of the names that the name server answers for. */
  readonly suffix: string
  /** Where it listens on 127.0.0.1. */
  readonly namesPort: number
  readonly routes: readonly Route[]
  /** Also keep backends in the configuration, for when the name server does not answer. */
  readonly withBackends: boolean
}

export interface Configured {
  /** The whole configuration, as it should be. */
  readonly config: JsonObject
  /** Routes that cannot be led, by id, and why. */
  readonly refused: ReadonlyMap<string, string>
}

/** How long Caddy may go on with what it was told of backends. */
export const REFRESH_MS = 250
/** A backend that cannot be connected to is passed over for so long. */
const TRY_MS = 5_000
const TRY_INTERVAL_MS = 50
const DIAL_MS = 1_000
/**
 * What is tried again though it may have reached a backend: GETs, as Caddy does by itself; and what no backend was chosen for yet, as while the name server is
 * being started anew. Caddy 2.6 says `<nil>` for what is not set, later ones nothing.
 */
const SAFE_TO_RETRY: readonly Json[] = [
  { method: ['GET'] },
  { vars: { '{http.reverse_proxy.upstream.hostport}': ['<nil>', ''] } },
]
/**
 * A backend that is to end waits for connections to close. And Node.js closes one that is idle for 5 s: a request that meets that close could
 * not be sent again.
 */
const BACKEND_IDLE_MS = 1_000
/** As many connections to a backend are kept as a load needs; more would be opened and closed again, each with a lookup. */
const BACKEND_IDLE_CONNECTIONS = 256

/** `current` with our part replaced. */
export function configured(current: Json, wanted: Wanted): Configured {
  const before: JsonObject = isObject(current) ? (current as JsonObject) : {}
  const apps = objectAt(before, 'apps')
  const http = objectAt(apps, 'http')
  const servers = withoutOurs(objectAt(http, 'servers'), wanted.owner)
  const refused = new Map<string, string>()
  const kept = keptBackends(objectAt(http, 'servers'), wanted)
  for (const [listen, routes] of Map.groupBy(inOrder(wanted.routes), (route) => route.listen)) {
    const [first] = routes
    const same = routes.filter(({ tls }) => (tls === 'off') === (first?.tls === 'off'))
    for (const { id } of routes.filter((one) => !same.includes(one)))
      refused.set(id, `${listen} is ${first?.tls === 'off' ? 'without' : 'with'} TLS for ${first?.id}`)
    const ours = same.map((route) => routeJson(route, wanted, kept.get(route.id)))
    const host = Object.entries(servers).find(([, server]) => listensOn(server, listen))
    if (host === undefined) servers[serverName(wanted.owner, listen)] = serverJson(listen, first, ours)
    else servers[host[0]] = { ...(host[1] as JsonObject), routes: [...ours, ...arrayAt(host[1], 'routes')] }
  }
  const tls = tlsApp(objectAt(apps, 'tls'), wanted)
  const isEmpty = Object.keys(servers).length === 0 && apps.http === undefined
  return {
    config: {
      ...before,
      ...(isEmpty && tls === undefined
        ? {}
        : {
            apps: {
              ...apps,
              ...(isEmpty ? {} : { http: { ...http, servers } }),
              ...(tls === undefined ? {} : { tls }),
            },
          }),
    },
    refused,
  }
}

/** Where a name server was when `config` was written, so that it can be there again. */
export function namesPortIn(config: Json, owner: string): number | undefined {
  const found = new RegExp(`"${owner}:[^]*?"tcp/127\\.0\\.0\\.1:(\\d+)"`).exec(JSON.stringify(config))
  return found?.[1] === undefined ? undefined : Number(found[1])
}

/** The name under which a route's backends are asked for, without its final dot. */
export function routeName(id: string, suffix: string): string {
  return `r-${digest(id, 12)}.${suffix}`
}

function serverName(owner: string, listen: string): string {
  return `${owner}-${listen.replaceAll(/[^0-9A-Za-z]+/g, '-').replace(/^-/, '')}`
}

/** The more specific goes first: Caddy takes the first that matches. */
function inOrder(routes: readonly Route[]): readonly Route[] {
  const rank = ({ hosts }: Route) =>
    hosts.length === 0 ? 2 : hosts.some((one) => one.startsWith('*')) ? 1 : 0
  return routes.toSorted(
    (a, b) => rank(a) - rank(b) || b.path.length - a.path.length || (a.id < b.id ? -1 : 1),
  )
}

function routeJson(route: Route, { owner, suffix, namesPort, withBackends }: Wanted, kept: Json | undefined) {
  const { id, hosts, path } = route
  const match = {
    ...(hosts.length === 0 ? {} : { host: [...hosts] }),
    ...(path === '/' ? {} : { path: [path, `${path}/*`] }),
  }
  const resolver = { addresses: [`tcp/127.0.0.1:${namesPort}`] }
  const upstreams = withBackends ? route.backends.map(upstreamJson) : kept
  return {
    '@id': `${owner}:${id}`,
    ...(Object.keys(match).length === 0 ? {} : { match: [match] }),
    handle: [
      {
        handler: 'reverse_proxy',
        dynamic_upstreams: {
          source: 'srv',
          name: `${routeName(id, suffix)}.`,
          refresh: `${REFRESH_MS}ms`,
          resolver,
        },
        ...(upstreams === undefined ? {} : { upstreams }),
        load_balancing: {
          selection_policy: policyJson(route),
          try_duration: `${TRY_MS}ms`,
          try_interval: `${TRY_INTERVAL_MS}ms`,
          retry_match: [...SAFE_TO_RETRY],
        },
        transport: {
          protocol: 'http',
          dial_timeout: `${DIAL_MS}ms`,
          resolver,
          keep_alive: {
            idle_timeout: `${BACKEND_IDLE_MS}ms`,
            max_idle_conns_per_host: BACKEND_IDLE_CONNECTIONS,
          },
        },
      },
    ],
    terminal: true,
  } satisfies JsonObject
}

function policyJson({ id, affinity }: Route): JsonObject {
  if (affinity === 'ip') return { policy: 'ip_hash' }
  // the same on every edge, so that whoever comes to another one finds the same backend
  if (affinity === 'cookie') return { policy: 'cookie', name: 'nsctl', secret: digest(id, 16) }
  return { policy: 'round_robin' }
}

function upstreamJson({ address, port }: Backend): JsonObject {
  return { dial: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}` }
}

function serverJson(listen: string, first: Route | undefined, routes: readonly JsonObject[]): JsonObject {
  const isPlain = first?.tls === 'off'
  return {
    listen: [listen],
    routes: [...routes],
    metrics: {},
    ...(isPlain
      ? { automatic_https: { disable: true } }
      : // what listens elsewhere takes no other port beside it
        listen === ':443'
        ? {}
        : { automatic_https: { disable_redirects: true } }),
  }
}

/** Certificates that Caddy makes by itself. Undefined where there are none, and nothing else of TLS. */
function tlsApp(tls: JsonObject, { owner, routes }: Wanted): JsonObject | undefined {
  const subjects = [...new Set(routes.flatMap((one) => (one.tls === 'internal' ? one.hosts : [])))].sort()
  const automation = objectAt(tls, 'automation')
  const before = arrayAt(automation, 'policies')
  const others = before.filter((one) => !isOurs(one, owner))
  if (subjects.length === 0 && others.length === before.length)
    return Object.keys(tls).length === 0 ? undefined : tls
  const ours: JsonObject[] =
    subjects.length === 0 ? [] : [{ '@id': `${owner}:internal`, subjects, issuers: [{ module: 'internal' }] }]
  return { ...tls, automation: { ...automation, policies: [...ours, ...others] } }
}

function withoutOurs(servers: JsonObject, owner: string): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(servers)
      .filter(([name]) => !name.startsWith(`${owner}-`))
      .map(([name, server = null]) => {
        const routes = arrayAt(server, 'routes')
        const others = routes.filter((one) => !isOurs(one, owner))
        return [
          name,
          others.length === routes.length ? server : { ...(server as JsonObject), routes: others },
        ]
      }),
  )
}

/** Backends that an earlier process has left there stay as long as all of them are right. */
function keptBackends(servers: JsonObject, { owner, routes }: Wanted): ReadonlyMap<string, Json> {
  const found = new Map<string, Json>()
  const all = Object.values(servers).flatMap((server) => arrayAt(server, 'routes'))
  for (const { id, backends } of routes) {
    const there = all.find((one) => isObject(one) && one['@id'] === `${owner}:${id}`)
    const [handler] = arrayAt(there, 'handle')
    const upstreams = arrayAt(handler, 'upstreams')
    const right = new Set(backends.map((one) => String(upstreamJson(one).dial)))
    const isRight = upstreams.every((one) => isObject(one) && right.has(String(one.dial)))
    if (upstreams.length > 0 && isRight) found.set(id, [...upstreams])
  }
  return found
}

function isOurs(value: Json, owner: string): boolean {
  return isObject(value) && String(value['@id'] ?? '').startsWith(`${owner}:`)
}

function listensOn(server: Json, listen: string): boolean {
  const [host, port] = hostAndPort(listen)
  return arrayAt(server, 'listen').some((one) => {
    const [otherHost, otherPort] = hostAndPort(String(one))
    return otherPort === port && (otherHost === host || otherHost === '' || host === '')
  })
}

function hostAndPort(listen: string): readonly [string, string] {
  const at = listen.lastIndexOf(':')
  return [listen.slice(0, Math.max(at, 0)).replace(/^tcp[46]?\//, ''), listen.slice(at + 1)]
}

function objectAt(value: JsonObject, member: string): JsonObject {
  const found = value[member]
  return isObject(found) ? (found as JsonObject) : {}
}

function arrayAt(value: Json | undefined, member: string): readonly Json[] {
  const found = isObject(value) ? (value as JsonObject)[member] : undefined
  return Array.isArray(found) ? found : []
}
