/** Users, roles and certificates. */
import { type Test, test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import type { EtcdStoreOptions } from '../../../src/store/etcd/store.ts'
import { serverDirectory } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { commit, put } from '../contract-read.ts'
import { follow } from '../watching.ts'
import { hasOpenssl, makeAuthority } from './certificates.ts'
import { type EtcdCluster, hasEtcd, openStoreIn, startEtcd } from './scene.ts'

const it = needs(test, hasEtcd, 'Debian packages') as Test
const itWithTls = needs(test, hasEtcd && hasOpenssl, 'Debian packages and openssl') as Test

const PASSWORD = 'dont-tell'

async function refusal(work: Promise<unknown>): Promise<readonly [message: string, next: string]> {
  const error = await work.then(
    () => assert.unreachable('it went through'),
    (thrown: unknown) => thrown,
  )
  assert.ok(isNsctlError(error, 'Unreachable'), String(error))
  assert.is(error.exitCode, 3)
  assert.not.match(JSON.stringify(error) + String(error.stack), PASSWORD)
  return [error.message.replace(/etcds?:\/\/\S+/, 'URL'), error.next ?? '']
}

async function setUp(cluster: EtcdCluster): Promise<void> {
  for (const command of [
    `user add root:${PASSWORD}`,
    'user grant-role root root',
    'role add keeper',
    'role grant-permission keeper readwrite --prefix shop/',
    `user add keeper:${PASSWORD}`,
    'user grant-role keeper keeper',
    'role add reader',
    'role grant-permission reader read --prefix shop/',
    `user add reader:${PASSWORD}`,
    'user grant-role reader reader',
    'auth enable',
  ])
    await cluster.ctl(...command.split(' '))
}

const as = (user: string, password = PASSWORD) => ({
  env: { ETCDCTL_USER: user, ETCDCTL_PASSWORD: password },
})

it('users read and write what their roles allow, and are told what is missing', async () => {
  const cluster = await startEtcd()
  const root = ['--user', `root:${PASSWORD}`]
  try {
    // a cluster without users lets a user in as well
    await (await openStoreIn(cluster, 'open', as('anybody'))).close()
    await setUp(cluster)
    const keeper = await openStoreIn(cluster, 'shop', as('keeper'))
    const revision = await commit(keeper, put('a', '1', 0))
    const reader = await openStoreIn(cluster, 'shop', { env: { ETCDCTL_USER: `reader:${PASSWORD}` } })
    assert.is((await reader.get('a'))?.value, '1')
    const open = (prefix: string, options: Partial<EtcdStoreOptions>) =>
      refusal(openStoreIn(cluster, prefix, options))
    const grant = (prefix: string) =>
      `grant it: etcdctl role grant-permission ROLE --prefix readwrite ${prefix}/`
    assert.equal(
      [
        await open('shop', as('keeper', 'wrong')),
        await open('shop', as('nobody')),
        await open('shop', {}),
        await open('other', as('keeper')),
        await refusal(reader.commit([[put('a', '2')]])),
      ],
      [
        [
          'the store URL does not know user keeper with this password',
          'check ETCDCTL_USER and ETCDCTL_PASSWORD',
        ],
        [
          'the store URL does not know user nobody with this password',
          'check ETCDCTL_USER and ETCDCTL_PASSWORD',
        ],
        ['the store URL wants a user', 'set ETCDCTL_USER and ETCDCTL_PASSWORD, or name a client certificate'],
        ['user keeper may not read the keys under "other/" in the store URL', grant('other')],
        ['user reader may not write the keys under "shop/" in the store URL', grant('shop')],
      ],
    )
    const watching = follow(reader, [''], revision)
    const second = await commit(keeper, put('a', '2'))
    await watching.until('the change', (w) => w.changes().length === 1)

    // every token is forgotten with the server, and any change of users makes the old ones old
    await cluster.members[0]!.server.kill()
    cluster.members[0]!.start()
    await cluster.ready(...root)
    const third = await commit(keeper, put('a', '3'))
    await cluster.ctl(...root, 'user', 'add', `late:${PASSWORD}`)
    const fourth = await commit(keeper, put('a', '4'))
    await watching.until('the rest', (w) => w.changes().at(-1)?.revision === fourth)
    assert.equal(
      watching.changes().map((change) => change.revision),
      [second, third, fourth],
    )
    await watching.stop()

    await cluster.ctl(...root, 'user', 'revoke-role', 'reader', 'reader')
    assert.match((await refusal(reader.get('a')))[0], /^user reader may not read /)
    const refused = follow(reader, [''], revision)
    assert.match((await refusal(refused.until('nothing', () => false)))[0], /^user reader may not read /)
    await Promise.all([keeper.close(), reader.close()])
  } finally {
    await cluster.stop()
  }
})

itWithTls('certificates are checked on both sides, and what is wrong with one is said', async () => {
  const directory = serverDirectory('certificates')
  const [ours, theirs] = await Promise.all([
    makeAuthority(directory.path, 'ours'),
    makeAuthority(directory.path, 'theirs'),
  ])
  const [server, client, late, stranger] = await Promise.all([
    ours.issue('server'),
    ours.issue('keeper'),
    ours.issue('late', { expired: true }),
    theirs.issue('keeper'),
  ])
  const tlsFlags = (cert: string, key: string) => [
    ...['--cert-file', cert, '--key-file', key],
    ...['--client-cert-auth', '--trusted-ca-file', ours.cert],
  ]
  const ctlFlags = ['--cacert', ours.cert, '--cert', client.cert, '--key', client.key]
  const cluster = await startEtcd({ scheme: 'https', flags: tlsFlags(server.cert, server.key), ctlFlags })
  const open = (own: { cert: string; key: string } | undefined, ca: string | undefined = ours.cert) =>
    openStoreIn(cluster, 'shop', {
      secure: true,
      env: { ETCDCTL_CACERT: ca, ETCDCTL_CERT: own?.cert, ETCDCTL_KEY: own?.key },
    })
  try {
    const store = await open(client)
    assert.match(store.url, /^etcds:\/\/127\.0\.0\.1:\d+\/shop$/)
    const watching = follow(store, [''], await commit(store, put('a', '1')))
    await commit(store, put('a', '2'))
    await watching.until('the change', (w) => w.changes().length === 1)
    await watching.stop()
    await store.close()
    const [endpoint] = cluster.endpoints
    const said = async (work: Promise<unknown>) => (await refusal(work))[0].split(`${endpoint}: `)[1]
    assert.is(
      await said(open(client, theirs.cert)),
      'its certificate is of an authority that is not trusted here',
    )
    assert.is(await said(open(client, '')), 'its certificate is of an authority that is not trusted here')
    for (const own of [undefined, stranger, late]) {
      const [message, next] = await refusal(open(own))
      assert.match(message, /it does not take our certificate$|our certificate has expired$/)
      assert.match(next, /ETCDCTL_CERT/)
    }
    const plain = openStoreIn(cluster, 'shop', { secure: false })
    assert.is(await said(plain), 'it does not speak etcd’s protocol in plain text')
  } finally {
    await cluster.stop()
    directory.remove()
  }
})

itWithTls('the name in a certificate is a user', async () => {
  const directory = serverDirectory('certificates')
  const ours = await makeAuthority(directory.path, 'ours')
  const [server, keeper, root, expired] = await Promise.all([
    ours.issue('server'),
    ours.issue('keeper'),
    ours.issue('root'),
    ours.issue('expired', { expired: true }),
  ])
  const flags = ['--client-cert-auth', '--trusted-ca-file', ours.cert]
  const ctlFlags = ['--cacert', ours.cert, '--cert', root.cert, '--key', root.key]
  const start = (own: { cert: string; key: string }) =>
    startEtcd({
      scheme: 'https',
      flags: [...flags, '--cert-file', own.cert, '--key-file', own.key],
      ctlFlags: own === expired ? ['--insecure-skip-tls-verify', ...ctlFlags] : ctlFlags,
    })
  const env = { ETCDCTL_CACERT: ours.cert, ETCDCTL_CERT: keeper.cert, ETCDCTL_KEY: keeper.key }
  const cluster = await start(server)
  try {
    await setUp(cluster)
    const store = await openStoreIn(cluster, 'shop', { secure: true, env })
    await commit(store, put('a', '1'))
    await store.close()
    const [message] = await refusal(openStoreIn(cluster, 'other', { secure: true, env }))
    assert.is(message, 'this user may not read the keys under "other/" in the store URL')
  } finally {
    await cluster.stop()
  }
  const stale = await start(expired)
  try {
    const [message, next] = await refusal(openStoreIn(stale, 'shop', { secure: true, env }))
    assert.match(message, /: its certificate has expired$/)
    assert.is(next, 'renew the certificate of etcd')
  } finally {
    await stale.stop()
    directory.remove()
  }
})

test.run()
