/** A node's token, as whoever stole it would use it: with Consul's own interface, on every key that there is. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { nodeRules, openConsulIssuer } from '../../../src/store/consul/acl.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { FIRST_STEPS, fillStore, NODES } from '../full-store.ts'
import { type AclLab, reachOf, startAclLab } from './acl-lab.ts'
import { freshUrl, openAt } from './scene.ts'

let lab: AclLab
let url: string
let prefix: string
let keys: readonly string[]
const [NODE] = NODES

/** Said again, apart from the code that makes the rules: what of a key is `node`'s. */
function mayRead(key: string): boolean {
  return (
    mayWrite(key) ||
    ['format', 'feed/wide', 'data/store/layout', `data/obj/nsctl.dev/nodes/_/${NODE}`].includes(key) ||
    /^feed\/head\/\d\d$/.test(key) ||
    key.startsWith(`data/node/${NODE}/`)
  )
}

function mayWrite(key: string): boolean {
  const own = [`feed/head/node/${NODE}`, `feed/scope/${NODE}`, `data/objstatus/nsctl.dev/nodes/_/${NODE}`]
  const folders = [
    `feed/log/node/${NODE}/`,
    `data/node/${NODE}/status/`,
    `data/event/${NODE}/`,
    `data/lease/node/${NODE}/`,
  ]
  return own.includes(key) || folders.some((folder) => key.startsWith(folder))
}

const issuerAt = (token: string) => openConsulIssuer({ url, env: { CONSUL_HTTP_TOKEN: token } })

async function findings(token: string): Promise<readonly string[]> {
  const { readable, writable } = await reachOf(
    lab,
    token,
    keys.map((key) => prefix + key),
  )
  return keys.flatMap((key) => [
    ...(readable.includes(prefix + key) === mayRead(key) ? [] : [`read ${key}`]),
    ...(writable.includes(prefix + key) === mayWrite(key) ? [] : [`write ${key}`]),
  ])
}

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    lab = await startAclLab()
    url = freshUrl(lab.cluster.servers[0]!.address)
    prefix = `${new URL(url).pathname.slice(1)}/`
    const store = await openAt(url, {
      env: { CONSUL_HTTP_TOKEN: lab.master },
      first: [{ key: 'store/layout', value: '{"layout":"4.0"}' }],
    })
    await fillStore(store)
    await store.close()
    for (const node of NODES) {
      // what its agent makes: a log of its own, and a scope
      const agent = await openAt(url, { env: { CONSUL_HTTP_TOKEN: lab.master }, node })
      await agent.commit([[{ kind: 'put', key: `node/${node}/status/instances/default/x`, value: '{}' }]])
      await agent.close()
    }
    const { body } = await lab.raw(lab.master, 'GET', `kv/${prefix}?keys`)
    keys = (JSON.parse(body) as readonly string[]).map((key) => key.slice(prefix.length))
  })
  test.after(() => lab.cluster.stop())

  test('the store that is tried has all there can be', () => {
    for (const step of FIRST_STEPS)
      assert.ok(
        keys.some((key) => key.startsWith(`data/${step}/`)),
        step,
      )
    for (const node of NODES)
      for (const part of ['instances', 'deliveries', 'volumes', 'status/instances'])
        assert.ok(
          keys.some((key) => key.startsWith(`data/node/${node}/${part}/`)),
          `${node} ${part}`,
        )
    assert.ok(keys.length > 100)
  })

  test('a node’s credential reaches its own keys and nothing of any other', async () => {
    const issuer = await issuerAt(lab.master)
    await issuer.check()
    const { CONSUL_HTTP_TOKEN: token = '' } = await issuer.issue(NODE)
    assert.equal(await findings(token), [])
    // nor beyond the store: other prefixes, other tokens, the catalog, sessions, commands to the servers
    for (const [method, path, body] of [
      ['PUT', 'kv/elsewhere', 'x'],
      ['GET', 'acl/tokens', undefined],
      ['PUT', 'acl/token', { Policies: [{ Name: 'global-management' }] }],
      ['PUT', 'session/create', {}],
      ['PUT', 'catalog/register', { Node: 'x', Address: '127.0.0.1' }],
      ['GET', 'snapshot', undefined],
    ] as const) {
      const { status, body: said } = await lab.raw(token, method, path, body)
      assert.ok(status === 403 || status === 404 || said === '[]', `${method} ${path}: ${status} ${said}`)
    }
    // a whole tree answers with what may be read of it
    const all = await lab.raw(token, 'PUT', 'txn', [{ KV: { Verb: 'get-tree', Key: prefix } }])
    const seen = (
      JSON.parse(all.body) as { readonly Results: readonly { readonly KV: { readonly Key: string } }[] }
    ).Results
    assert.ok(seen.length > 20)
    for (const { KV } of seen) assert.ok(mayRead(KV.Key.slice(prefix.length)), KV.Key)
    issuer.close()
  })

  for (const [what, leak, found] of [
    [
      'the log that all share',
      (p: string) => `key_prefix "${p}feed/log/" { policy = "read" }`,
      /^read feed\/log\/\d\d\//,
    ],
    [
      'names that begin alike',
      (p: string) => `key_prefix "${p}data/node/n1" { policy = "read" }`,
      /^read data\/node\/n1(0|\.example)\//,
    ],
    [
      'another’s status',
      (p: string) => `key "${p}data/objstatus/nsctl.dev/nodes/_/n10" { policy = "write" }`,
      /^write data\/objstatus/,
    ],
    ['where names are', (p: string) => `key_prefix "${p}data/at/" { policy = "read" }`, /^read data\/at\//],
    [
      'its own instances',
      (p: string) => `key_prefix "${p}data/node/n1/instances/" { policy = "write" }`,
      /^write data\/node\/n1\/instances/,
    ],
  ] as const)
    test(`a planted leak is found: ${what}`, async () => {
      const token = await lab.tokenWith(`${nodeRules(prefix, NODE)}\n${leak(prefix)}`)
      const leaks = await findings(token)
      assert.ok(
        leaks.some((one) => found.test(one)),
        JSON.stringify(leaks),
      )
    })

  test('a credential ends with the next one, and with its node', async () => {
    const issuer = await issuerAt(lab.master)
    const read = (token: string) => lab.raw(token, 'GET', `kv/${prefix}format`).then(({ status }) => status)
    const issue = async (node: string) => (await issuer.issue(node)).CONSUL_HTTP_TOKEN ?? ''
    const [first, other] = [await issue(NODE), await issue('n10')]
    assert.is(await read(first), 200)
    const second = await issue(NODE)
    assert.is(await read(first), 403, 'the one before')
    assert.is(await read(second), 200)
    assert.equal([...(await issuer.nodes())].sort(), ['n1', 'n10'])
    await issuer.revoke(NODE)
    await issuer.revoke(NODE)
    assert.is(await read(second), 403)
    assert.is(await read(other), 200, 'another node’s stays')
    const feed = JSON.parse(
      (await lab.raw(lab.master, 'GET', `kv/${prefix}feed/?keys`)).body,
    ) as readonly string[]
    assert.equal(
      feed.filter((key) => /\/n1(\/|$)/.test(key)),
      [],
      'nor does its feed',
    )
    assert.ok(feed.some((key) => key.endsWith('head/node/n10')))
    assert.equal(await issuer.nodes(), ['n10'])
    issuer.close()
  })

  test('who may not issue is told so', async () => {
    const token = await lab.tokenWith(`key_prefix "${prefix}" { policy = "write" }`)
    const issuer = await issuerAt(token)
    for (const work of [() => issuer.check(), () => issuer.issue(NODE), () => issuer.revoke(NODE)]) {
      const error = await work().then(
        () => assert.unreachable('it was let'),
        (thrown: unknown) => thrown,
      )
      assert.ok(isNsctlError(error, 'Unreachable'), String(error))
      assert.match(error.message, 'it may not make tokens for nodes')
      assert.not.match(JSON.stringify(error) + String(error.stack), token)
    }
    issuer.close()
  })
}

test.run()
