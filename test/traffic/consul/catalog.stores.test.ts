/** The catalog of a real Consul agent: the contract, what its DNS says, access control, and what is wrong said in words. */
import { randomUUID } from 'node:crypto'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CatalogError } from '../../../src/traffic/catalog.ts'
import { openConsulCatalog } from '../../../src/traffic/consul/catalog.ts'
import type { AgentAddress } from '../../../src/traffic/consul/http.ts'
import { until } from '../../daemon/processes.ts'
import { type ConsulCluster, startConsul } from '../../lab/consul.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { catalogContract, entry } from '../contract.ts'

const MASTER = randomUUID()
const signal = AbortSignal.timeout(120_000)
let cluster: ConsulCluster

function addressOf(where: string, token?: string): AgentAddress {
  const { hostname, port } = new URL(`http://${where}`)
  const files = { tokenFile: undefined, caFile: undefined, certFile: undefined, keyFile: undefined }
  return { host: hostname, port: Number(port), secure: false, token, ...files }
}

const here = (token: string) => addressOf(cluster.servers[0]!.address, token)
const open = (owner: string, token: string = MASTER) =>
  openConsulCatalog(here(token), { store: 'nsctl', node: owner })

function resolver(): Resolver {
  const dns = new Resolver()
  dns.setServers([cluster.servers[0]!.dns])
  return dns
}

async function tokenWith(rules: string): Promise<string> {
  const put = async (path: string, body: unknown) => {
    const url = `http://${cluster.servers[0]!.address}/v1/acl/${path}`
    const headers = { 'x-consul-token': MASTER }
    return (await (await fetch(url, { method: 'PUT', headers, body: JSON.stringify(body) })).json()) as object
  }
  const name = `p-${randomUUID()}`
  await put('policy', { Name: name, Rules: rules })
  return ((await put('token', { Policies: [{ Name: name }] })) as { SecretID: string }).SecretID
}

async function refused(work: Promise<unknown>): Promise<CatalogError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.instance(error, CatalogError)
  return error as CatalogError
}

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    // what it registers itself with: DNS asks without a token
    const acl = {
      enabled: true,
      default_policy: 'deny',
      tokens: { master: MASTER, agent: MASTER, default: MASTER },
    }
    cluster = await startConsul({ dns: true, config: { acl } })
    await until(() => tokenWith(''))
  })
  test.after(() => cluster.stop())

  catalogContract('Consul', (owner) => open(owner))

  test('what is registered answers over DNS, and what is deregistered does not any more', async () => {
    const catalog = open('dns')
    const dns = resolver()
    await catalog.register(entry('nsctl.a.web-0', { service: 'web--shop' }), signal)
    await catalog.register(
      entry('nsctl.a.web-1', { service: 'web--shop', address: '::1', port: 20_012 }),
      signal,
    )
    assert.equal(await dns.resolve4('web--shop.service.consul'), ['127.0.0.1'])
    assert.equal(await dns.resolve6('web--shop.service.consul'), ['::1'])
    const ports = async () =>
      (await dns.resolveSrv('web--shop.service.consul')).map(({ port }) => port).sort()
    assert.equal(await ports(), [20_011, 20_012])
    assert.equal(await dns.resolve4('r1.web--shop.service.consul'), ['127.0.0.1'])
    await catalog.deregister('nsctl.a.web-0', signal)
    assert.equal(await ports(), [20_012])
    await catalog.deregister('nsctl.a.web-1', signal)
    assert.match(
      String((await dns.resolveSrv('web--shop.service.consul').catch((error) => error)).code),
      'ENOTFOUND',
    )
    catalog.close()
  })

  test("Consul's own checks notice what fails, whoever registered it", async () => {
    const server = createServer((request, response) => {
      response.statusCode = request.url === '/healthz' ? 200 : 503
      response.end('hm')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const pace = { periodMs: 1_000, timeoutMs: 500, failureThreshold: 1 }
    const catalog = open('checks')
    const url = `http://127.0.0.1:${port}`
    await catalog.register(
      entry('nsctl.c.good', { checks: [{ kind: 'http', url: `${url}/healthz`, ...pace }] }),
      signal,
    )
    await catalog.register(
      entry('nsctl.c.bad', { checks: [{ kind: 'http', url: `${url}/no`, ...pace }] }),
      signal,
    )
    await catalog.register(
      entry('nsctl.c.open', { checks: [{ kind: 'tcp', host: '127.0.0.1', port, ...pace }] }),
      signal,
    )
    await catalog.register(
      entry('nsctl.c.shut', { checks: [{ kind: 'tcp', host: '::1', port: 1, ...pace }] }),
      signal,
    )
    await catalog.register(entry('nsctl.c.late', { checks: [{ kind: 'ttl', ttlMs: 1_000 }] }), signal)
    const failing = await until(async () => {
      const found = (await catalog.list(signal)).filter((one) => one.failing !== undefined)
      assert.equal(found.map(({ id }) => id).sort(), ['nsctl.c.bad', 'nsctl.c.late', 'nsctl.c.shut'])
      return found
    })
    assert.match(failing.find(({ id }) => id === 'nsctl.c.bad')?.failing ?? '', /503/)
    await catalog.renew('nsctl.c.late', signal)
    assert.is((await catalog.list(signal)).find(({ id }) => id === 'nsctl.c.late')?.failing, undefined)
    server.close()
    for (const { id } of await catalog.list(signal)) await catalog.deregister(id, signal)
    catalog.close()
  })

  test('a check that was taken away by hand is seen', async () => {
    const catalog = open('by-hand')
    await catalog.register(entry('nsctl.h.web-0'), signal)
    const url = `http://${cluster.servers[0]!.address}/v1/agent/check/deregister/nsctl.h.web-0:0`
    await fetch(url, { method: 'PUT', headers: { 'x-consul-token': MASTER } })
    assert.is((await catalog.list(signal))[0]?.checks, 'changed')
    await catalog.deregister('nsctl.h.web-0', signal)
    catalog.close()
  })

  test('a token that may not register is told which permission is missing, and shows nowhere', async () => {
    const token = await tokenWith('service "other" { policy = "write" }')
    const catalog = open('acl', token)
    const error = await refused(catalog.register(entry('nsctl.p.web-0'), signal))
    assert.is(error.reason, 'NotPermitted')
    assert.match(error.message, /^Consul at .* refuses the token: Permission denied/)
    assert.is(error.next, 'give it a policy with service "web" { policy = "write" }')
    assert.not.match(inspect(error, { depth: 20, showHidden: true }), token)
    await catalog.register(entry('nsctl.p.other-0', { service: 'other' }), signal)
    await catalog.deregister('nsctl.p.other-0', signal)
    catalog.close()
    const unknown = await refused(open('acl', randomUUID()).register(entry('nsctl.p.web-0'), signal))
    assert.match(unknown.message, 'does not know the token')
  })

  test('nobody there, nobody who answers, and somebody else are told apart', async () => {
    const nobody = openConsulCatalog(addressOf('127.0.0.1:1'), { store: 'nsctl', node: 'a' })
    const absent = await refused(nobody.list(signal))
    assert.is(absent.reason, 'Unreachable')
    assert.match(absent.message, /^Consul at 127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/)
    const server = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const where = addressOf(`127.0.0.1:${(server.address() as AddressInfo).port}`)
    const stranger = await refused(openConsulCatalog(where, { store: 'nsctl', node: 'a' }).list(signal))
    assert.is(stranger.reason, 'Refused')
    assert.match(stranger.message, 'is no Consul')
    server.closeAllConnections()
    server.close()
  })
}

test.run()
