/** What of Caddy's configuration is ours. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { deepEqual, type Json } from '../../../src/core/json.ts'
import type { Route } from '../../../src/traffic/balancer.ts'
import { configured, namesPortIn, type Wanted } from '../../../src/traffic/caddy/config.ts'

const route = (id: string, more: Partial<Route> = {}): Route => ({
  id,
  hosts: [`${id}.example.org`],
  path: '/',
  listen: ':443',
  tls: 'automatic',
  affinity: 'none',
  backends: [{ address: '10.0.0.5', port: 20_011, weight: 1 }],
  ...more,
})

const wanted = (routes: readonly Route[], more: Partial<Wanted> = {}): Wanted => ({
  owner: 'nsctl-x',
  suffix: 'nsctl-x.internal',
  namesPort: 5353,
  routes,
  withBackends: false,
  ...more,
})

interface Servers {
  readonly apps: {
    readonly http: {
      readonly servers: Record<
        string,
        {
          readonly listen: readonly string[]
          readonly routes: readonly {
            readonly '@id'?: string
            readonly handle: readonly { readonly upstreams?: readonly { readonly dial: string }[] }[]
          }[]
          readonly automatic_https?: unknown
        }
      >
    }
    readonly tls?: {
      readonly automation: { readonly policies: readonly { readonly subjects?: readonly string[] }[] }
    }
  }
}

const apply = (current: Json, routes: readonly Route[], more?: Partial<Wanted>) =>
  configured(current, wanted(routes, more)).config as unknown as Servers & Json
const servers = (config: Servers) => config.apps.http.servers
const ids = (config: Servers, server: string) => servers(config)[server]?.routes.map((one) => one['@id'])

test('what is right is left as it is, whoever looks again', () => {
  const routes = [
    route('a', { tls: 'internal' }),
    route('b', { listen: '127.0.0.1:8080', tls: 'off', hosts: [] }),
  ]
  const once = apply(null, routes)
  assert.ok(deepEqual(apply(once, routes), once))
  assert.equal(Object.keys(servers(once)), ['nsctl-x-443', 'nsctl-x-127-0-0-1-8080'])
  assert.equal(once.apps.tls?.automation.policies[0]?.subjects, ['a.example.org'])
  assert.is(namesPortIn(once, 'nsctl-x'), 5353)
  assert.is(namesPortIn(once, 'nsctl-y'), undefined)
})

test('a change of backends changes nothing', () => {
  const once = apply(null, [route('a')])
  assert.ok(deepEqual(apply(once, [route('a', { backends: [] })]), once))
})

test('nothing is wanted and nothing is there: nothing is written', () => {
  assert.equal(configured(null, wanted([])).config, {})
  const foreign = { admin: { listen: 'x' }, apps: { pki: {} } }
  assert.equal(configured(foreign, wanted([])).config, foreign)
})

test("another's server at the same port gets our routes in front of its own, and keeps those", () => {
  const theirs = { '@id': 'theirs', handle: [] }
  const foreign = {
    apps: { http: { http_port: 80, servers: { main: { listen: [':443'], routes: [theirs] } } } },
  }
  const both = apply(foreign, [route('a')])
  assert.equal(ids(both, 'main'), ['nsctl-x:a', 'theirs'])
  assert.ok(deepEqual(apply(both, []), foreign))
  // of another owner on the same machine nothing is touched
  const shared = apply(both, [route('c')], { owner: 'nsctl-y', suffix: 'nsctl-y.internal' })
  assert.equal(ids(shared, 'main'), ['nsctl-y:c', 'nsctl-x:a', 'theirs'])
  assert.equal(ids(apply(shared, []), 'main'), ['nsctl-y:c', 'theirs'])
})

test('the more specific goes first', () => {
  const config = apply(null, [
    route('any', { hosts: [], listen: ':80', tls: 'off' }),
    route('wild', { hosts: ['*.example.org'], listen: ':80', tls: 'off' }),
    route('web', { hosts: ['web.example.org'], listen: ':80', tls: 'off' }),
    route('api', { hosts: ['web.example.org'], path: '/api', listen: ':80', tls: 'off' }),
  ])
  assert.equal(ids(config, 'nsctl-x-80'), ['nsctl-x:api', 'nsctl-x:web', 'nsctl-x:wild', 'nsctl-x:any'])
})

test('a port is spoken with or without TLS, and not both', () => {
  const plain = route('b', { tls: 'off' })
  const { refused } = configured(null, wanted([route('a'), plain]))
  assert.equal([...refused], [['b', ':443 is with TLS for a']])
})

test('backends are kept for when nobody tells of them, and no longer than they are right', () => {
  const handed = apply(null, [route('a')], { withBackends: true })
  const dials = (config: Servers) =>
    servers(config)['nsctl-x-443']?.routes[0]?.handle[0]?.upstreams?.map(({ dial }) => dial)
  assert.equal(dials(handed), ['10.0.0.5:20011'])
  assert.equal(dials(apply(handed, [route('a')])), ['10.0.0.5:20011'])
  assert.is(dials(apply(handed, [route('a', { backends: [] })])), undefined)
  const six = route('a', { backends: [{ address: '::1', port: 80, weight: 1 }] })
  assert.equal(dials(apply(null, [six], { withBackends: true })), ['[::1]:80'])
})

test('what listens elsewhere than at 443 takes no other port', () => {
  const config = apply(null, [route('a', { listen: ':8443', tls: 'internal' }), route('b')])
  assert.equal(servers(config)['nsctl-x-8443']?.automatic_https, { disable_redirects: true })
  assert.is(servers(config)['nsctl-x-443']?.automatic_https, undefined)
})

test.run()
