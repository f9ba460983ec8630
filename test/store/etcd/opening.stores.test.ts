/** What opening refuses, and a store that is full. */
import { type Test, test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../../parts.ts'
import { commit, put } from '../contract-read.ts'
import { type EtcdCluster, errorOf, hasEtcd, openStoreIn, startEtcd } from './scene.ts'

let cluster: EtcdCluster

test.before(async () => {
  if (hasEtcd) cluster = await startEtcd()
})

test.after(async () => {
  if (hasEtcd) await cluster.stop()
})

const it = needs(test, hasEtcd, 'Debian packages') as Test

it('an etcd without room says so, and reads go on', async () => {
  const small = await startEtcd({ flags: ['--quota-backend-bytes', String(2 * 1024 * 1024)] })
  const store = await openStoreIn(small, 'full')
  try {
    const fill = async () => {
      // etcd looks at the size of what it has synced, which is late
      for (let i = 0; i < 400; i++) await commit(store, put(`k/${i}`, 'x'.repeat(60_000), 0))
    }
    const { code, message, next } = await errorOf(fill())
    assert.is(code, 'StoreFull')
    assert.match(message, 'has reached its quota; nothing was written')
    assert.match(next, 'etcdctl alarm disarm')
    assert.is((await store.get('k/0'))?.value.length, 60_000)
  } finally {
    await store.close()
    await small.stop()
  }
})

it('a store of a newer format, keys of another program and what is no format are refused and left alone', async () => {
  for (const { name, key, value, code, message } of [
    {
      name: 'newer',
      key: 'format',
      value: '{"format":2}',
      code: 'StoreFormat',
      message: / has format 2, this nsctl reads format 1$/,
    },
    {
      name: 'foreign',
      key: 'config',
      value: 'theirs',
      code: 'StoreCorrupt',
      message: /^under "refused\/foreign\/" in the store .* lie keys of another program$/,
    },
    {
      name: 'text',
      key: 'format',
      value: 'theirs',
      code: 'StoreCorrupt',
      message: / does not say which format it has$/,
    },
  ]) {
    const prefix = `refused/${name}`
    await cluster.ctl('put', `${prefix}/${key}`, value)
    const refused = await errorOf(openStoreIn(cluster, prefix))
    assert.is(refused.code, code)
    assert.match(refused.message, message)
    assert.is((await cluster.ctl('get', '--prefix', `${prefix}/`)).trim(), `${prefix}/${key}\n${value}`)
  }
})

it('opening for reading only makes nothing and writes nothing', async () => {
  const { code, message } = await errorOf(openStoreIn(cluster, 'nobody', { readOnly: true }))
  assert.is(code, 'Unreachable')
  assert.match(message, /^there is no store at etcd:\/\/127\.0\.0\.1:\d+\/nobody$/)
  const store = await openStoreIn(cluster, 'nobody', { readOnly: true, emptyIfMissing: true })
  try {
    assert.equal((await store.list([''])).entries, [])
    assert.is((await errorOf(store.commit([[put('a', '1')]]))).code, 'Bug')
    assert.is(await cluster.ctl('get', '--prefix', 'nobody/'), '')
  } finally {
    await store.close()
  }
})

it('neighbours with prefixes that begin alike do not see each other', async () => {
  const names = ['shop', 'shop/a', 'shop2', 'shop-']
  const opened = await Promise.all(
    names.filter((name) => name !== 'shop/a').map((name) => openStoreIn(cluster, `near/${name}`)),
  )
  for (const [index, store] of opened.entries()) await commit(store, put('k', `${index}`))
  for (const [index, store] of opened.entries()) {
    assert.equal(
      (await store.list([''])).entries.map(({ key, value }) => [key, value]),
      [['k', `${index}`]],
    )
    await store.close()
  }
})

for (const { name, url, message, next } of [
  {
    name: 'nobody listens',
    url: ['127.0.0.1:1', '127.0.0.1:2'],
    message: / cannot be reached: 127\.0\.0\.1:\d: connection refused; 127\.0\.0\.1:\d: connection refused$/,
    next: 'start etcd there, or correct the address',
  },
  {
    name: 'there is no such host',
    url: ['nowhere.invalid:2379'],
    message: / cannot be reached: nowhere\.invalid:2379: no such host$/,
    next: 'correct the address',
  },
]) {
  it(`where ${name}, opening says so at once`, async () => {
    const endpoints = url
    const refused = await errorOf(openStoreIn(cluster, 'x', { endpoints }))
    assert.is(refused.code, 'Unreachable')
    assert.match(refused.message, message)
    assert.is(refused.next, next)
  })
}

test.run()
