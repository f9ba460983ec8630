/** A node's user, as whoever stole its password would use it: with etcd's own calls, on every key that there is. */
import { type Test, test } from 'uvu'
import * as assert from 'uvu/assert'
import { openApi } from '../../../src/api/open.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import { randomIds } from '../../../src/core/ids.ts'
import { EtcdClient } from '../../../src/store/etcd/client.ts'
import { encodeRange, METHODS } from '../../../src/store/etcd/messages.ts'
import { openEtcdIssuer } from '../../../src/store/etcd/roles.ts'
import { Message } from '../../../src/store/etcd/wire.ts'
import { acquireLease, thisProcess } from '../../../src/store/lease.ts'
import type { Store } from '../../../src/store/store.ts'
import { needs } from '../../parts.ts'
import { FIRST_STEPS, fillStore, NODES } from '../full-store.ts'
import { follow } from '../watching.ts'
import { type EtcdCluster, hasEtcd, openStoreIn, startEtcd } from './scene.ts'

const it = needs(test, hasEtcd, 'Debian packages') as Test
const PASSWORD = 'dont-tell'
const ROOT = { ETCDCTL_USER: 'root', ETCDCTL_PASSWORD: PASSWORD }
const PREFIX = 'shop'
const [NODE] = NODES

let cluster: EtcdCluster
let store: Store
let keys: readonly string[]

const issuer = (env: Record<string, string> = ROOT) =>
  openEtcdIssuer({ endpoints: cluster.endpoints, prefix: PREFIX, secure: false, env, clock: systemClock })

function clientOf({
  ETCDCTL_USER: user = '',
  ETCDCTL_PASSWORD: password = '',
}: Readonly<Record<string, string>>): EtcdClient {
  const credentials = { user, password }
  const readableKey = Buffer.from(`${PREFIX}/format`)
  return new EtcdClient({
    endpoints: cluster.endpoints,
    credentials,
    readableKey,
    clock: systemClock,
    random: () => 0,
  })
}

/** Said again, apart from the code that makes the rules: what of a key is `NODE`'s. */
function mayRead(key: string): boolean {
  const shared = ['format', 'data/store/layout', `data/obj/nsctl.dev/nodes/_/${NODE}`]
  return mayWrite(key) || shared.includes(key) || key.startsWith(`data/node/${NODE}/`)
}

function mayWrite(key: string): boolean {
  const folders = [`data/node/${NODE}/status/`, `data/event/${NODE}/`, `data/lease/node/${NODE}/`]
  return (
    key === `data/objstatus/nsctl.dev/nodes/_/${NODE}` || folders.some((folder) => key.startsWith(folder))
  )
}

const isLet = (work: Promise<unknown>) =>
  work.then(
    () => true,
    (error: unknown) => {
      assert.match(String(error), 'permission denied')
      return false
    },
  )

async function watches(client: EtcdClient, key: Buffer, end?: Buffer): Promise<boolean> {
  const signal = AbortSignal.timeout(5_000)
  for await (const answer of client.watch({ key, ...(end && { end }) }, 1, signal)) return !answer.canceled
  return false
}

async function findings(client: EtcdClient): Promise<readonly string[]> {
  const found: string[] = []
  for (const name of keys) {
    const key = Buffer.from(`${PREFIX}/${name}`)
    // none of these changes what is there
    const never = [{ key, modRevision: Number.MAX_SAFE_INTEGER }]
    const reads = await isLet(client.range({ key }))
    const inTxn = await isLet(
      client.read({ compare: never, success: [{ kind: 'range', range: { key } }], failure: [] }),
    )
    const puts = await isLet(
      client.write({ compare: never, success: [{ kind: 'put', key, value: key }], failure: [] }),
    )
    const deletes = await isLet(
      client.write({ compare: never, success: [{ kind: 'delete', key }], failure: [] }),
    )
    for (const [what, done, may] of [
      ['read', reads || inTxn, mayRead],
      ['write', puts || deletes, mayWrite],
    ] as const)
      if (done !== may(name)) found.push(`${what} ${name}`)
  }
  return found
}

it.before(async () => {
  cluster = await startEtcd()
  await cluster.ready()
  for (const command of [
    `user add root:${PASSWORD}`,
    'role add root',
    'user grant-role root root',
    'auth enable',
  ])
    await cluster
      .ctl(...command.split(' '))
      .catch((error: unknown) => assert.match(String(error), 'already exists'))
  store = await openStoreIn(cluster, PREFIX, {
    env: ROOT,
    first: [{ key: 'store/layout', value: '{"layout":"4.0"}' }],
  })
  await fillStore(store)
  keys = ['format', ...(await store.listKeys('')).map((key) => `data/${key}`)]
})

it.after(async () => {
  await store.close()
  await cluster.stop()
})

it('a node’s user reaches its own keys and nothing of any other', async () => {
  for (const step of FIRST_STEPS)
    assert.ok(
      keys.some((key) => key.startsWith(`data/${step}/`)),
      step,
    )
  const issuing = issuer()
  const client = clientOf(await issuing.issue(NODE))
  assert.equal(await findings(client), [])
  // nor with a range that begins at its own
  const [own, all] = [Buffer.from(`${PREFIX}/data/node/n1/`), Buffer.from([0])]
  assert.not.ok(await isLet(client.range({ key: own, end: all })))
  assert.not.ok(await isLet(client.range({ key: all, end: all })))
  assert.not.ok(await watches(client, own, Buffer.from(`${PREFIX}/data/node/o`)).catch(() => false))
  client.close()
  issuing.close()
})

it('an agent works with no more', async () => {
  const issuing = issuer()
  const own = await openStoreIn(cluster, PREFIX, { env: await issuing.issue(NODE), node: NODE })
  const api = await openApi({ store: own, clock: systemClock, ids: randomIds, node: NODE })
  const kinds = ['Instance', 'Delivery', 'Volume'].map((kind) => api.kinds.byKind(kind))
  const { lists, revision } = await api.listAll(kinds, { node: NODE })
  assert.equal(
    lists.map((list) => list.length),
    [1, 1, 1],
  )
  const watching = follow(own, [`node/${NODE}/`], revision)
  await api.updateStatus(
    { kind: 'Instance', namespace: 'default', name: 'web-0-n1' },
    { phase: 'Running', ready: true },
  )
  await api.updateStatus({ kind: 'Node', name: NODE }, { phase: 'Ready', instances: 7 })
  await api.recordEvent({
    about: { kind: 'Node', name: NODE },
    type: 'Normal',
    reason: 'X',
    message: 'x',
    source: 'x',
  })
  await api.flush()
  await watching.until('its own status', (w) =>
    w.changes().some(({ key }) => key.endsWith('/status/instances/default/web-0-n1')),
  )
  await watching.stop()
  const lease = await acquireLease(own, {
    name: `node/${NODE}`,
    ttlMs: 5_000,
    holder: thisProcess({}),
    clock: systemClock,
    signal: AbortSignal.timeout(10_000),
  })
  await lease.release()
  await own.close()
  issuing.close()
})

it('a credential ends with the next one, and with its node', async () => {
  const issuing = issuer()
  const reads = async (env: Readonly<Record<string, string>>) => {
    const client = clientOf(env)
    const error = await client.range({ key: Buffer.from(`${PREFIX}/format`) }).then(() => undefined, String)
    client.close()
    return error === undefined
  }
  const [first, other] = [await issuing.issue(NODE), await issuing.issue('n10')]
  assert.ok(await reads(first))
  const second = await issuing.issue(NODE)
  assert.equal([await reads(first), await reads(second)], [false, true])
  assert.equal([...(await issuing.nodes())].sort(), ['n1', 'n10'])
  await issuing.revoke(NODE)
  await issuing.revoke(NODE)
  assert.equal([await reads(second), await reads(other)], [false, true])
  assert.equal(await issuing.nodes(), ['n10'])
  const mere = issuer({ ...other })
  const error = await mere.issue('n2').then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(isNsctlError(error, 'Unreachable'), String(error))
  assert.match(error.message, 'it may not make users for nodes')
  mere.close()
  issuing.close()
})

it('an etcd whose users pass over their roles is refused, and this one’s do', async () => {
  const version = (await cluster.ctl('version')).match(/API version: 3\.4/)
  assert.ok(version, 'this test is about Debian’s')
  const issuing = issuer()
  const error = await issuing.check().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(isNsctlError(error, 'Unsupported'), String(error))
  assert.match(
    error.message,
    /no machine can join the store etcd:.* is version 3\.4\.\d+, whose users pass over their roles/,
  )
  // what the refusal is about: a transaction within a transaction
  const client = clientOf(await issuing.issue(NODE))
  const key = Buffer.from(`${PREFIX}/data/objstatus/nsctl.dev/nodes/_/n10`)
  const range = new Message().presentBytes(1, encodeRange({ key }))
  const inner = new Message().message(2, range)
  const body = new Message().message(2, new Message().message(4, inner)).encode()
  assert.not.ok(await isLet(client.range({ key })))
  assert.match((await client.change(METHODS.txn, body)).toString(), 'Ready')
  client.close()
  issuing.close()
})

test.run()
