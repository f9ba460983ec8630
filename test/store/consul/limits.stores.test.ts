/** What fits in one KV transaction of Consul's, to the byte and to the operation, and how much packing saves. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { parseConsulUrl } from '../../../src/store/consul/address.ts'
import { Layout } from '../../../src/store/consul/layout.ts'
import { MAX_BODY_BYTES, sizeOf } from '../../../src/store/consul/sizes.ts'
import type { Operation, Store } from '../../../src/store/store.ts'
import { type ConsulCluster, startConsul } from '../../lab/consul.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { check, commit, put, remove } from '../contract-read.ts'
import { follow } from '../watching.ts'
import { freshUrl, openAt } from './scene.ts'

let cluster: ConsulCluster

async function tooLarge(store: Store, transaction: readonly Operation[], message: RegExp): Promise<void> {
  const before = await store.list([])
  try {
    await store.commit([[put('beside', 'x')], transaction])
    assert.unreachable('taken')
  } catch (error) {
    assert.ok(isNsctlError(error, 'TooLarge'), String(error))
    assert.is(error.exitCode, 2)
    assert.match(error.message, message)
  }
  assert.equal(await store.list([]), before)
}

/** The object of an update as the api commits it: the object, its applied manifest and its old spec, of `bytes` together. */
function update(bytes: number, layout: Layout): readonly Operation[] {
  const keys = [
    'obj/nsctl.dev/services/default/web',
    'applied/nsctl.dev/services/default/web',
    'rev/web/00000001/spec',
  ]
  const shell = keys.map((key) => put(key, ''))
  const room = bytes - sizeOf(shell, layout).bytes
  // base64 takes four bytes for three
  const third = Math.floor(room / keys.length / 4) * 3
  const rest = Math.floor((room - (third / 3) * 4 * keys.length) / 4) * 3
  return keys.map((key, i) => put(key, 'x'.repeat(i === 0 ? third + rest : third)))
}

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    cluster = await startConsul()
  })
  test.after(() => cluster.stop())

  test('a commit that is as long as Consul takes goes through, one byte more is refused before it is sent', async () => {
    const url = freshUrl(cluster.servers[0]!.address)
    const layout = new Layout(parseConsulUrl(url).prefix)
    const store = await openAt(url)
    const largest = update(MAX_BODY_BYTES, layout)
    assert.ok(MAX_BODY_BYTES - sizeOf(largest, layout).bytes < 4)
    await commit(store, ...largest)
    const [first, ...others] = largest as readonly { key: string; value: string }[]
    assert.is((await store.get(first!.key))?.value.length, first!.value.length)
    const larger = [put(first!.key, `${first!.value}x`), ...others] as readonly Operation[]
    assert.ok(sizeOf(larger, layout).bytes > MAX_BODY_BYTES)
    await tooLarge(store, larger, new RegExp(`at most ${MAX_BODY_BYTES} fit`))
    const sum = largest.reduce((total, one) => total + (one.kind === 'put' ? one.value.length : 0), 0)
    console.log(`consul: a commit of ${sum} bytes of values fits, of ${sum + 1} it is too large`)
    await store.close()
  })

  test('what the port promises to fit does, with the longest values, keys and a node', async () => {
    const store = await openAt(freshUrl(cluster.servers[0]!.address))
    const count = store.maxOperations!
    const key = (i: number) => `node/n1/${String(i).padStart(2, '0')}${'k'.repeat(150)}`
    const each = Math.floor(store.maxTransactionBytes! / count) - key(0).length
    await commit(store, ...Array.from({ length: count }, (_, i) => put(key(i), '日'.repeat(each / 3))))
    assert.is((await store.listKeys('')).length, count)
    await store.close()
  })

  test('what is as long as Consul takes leaves room for what nodes are told, be it one or many', async () => {
    const url = freshUrl(cluster.servers[0]!.address)
    const layout = new Layout(parseConsulUrl(url).prefix)
    const store = await openAt(url)
    const nodes = Array.from({ length: 29 }, (_, i) => `node/n${i}/${'k'.repeat(100)}`)
    // scopes that are full
    for (let i = 0; i < 17; i++) await commit(store, ...nodes.map((key) => put(key, `${i}`)))
    for (const keys of [nodes.slice(0, 1), nodes]) {
      const watching = follow(store, ['node/n0/'], (await store.list([])).revision)
      const shell = keys.map((key, i) => put(key, i === 0 ? '' : `${keys.length}`))
      const room = MAX_BODY_BYTES - sizeOf(shell, layout).bytes
      const revision = await commit(
        store,
        put(keys[0]!, 'x'.repeat(Math.floor(room / 4) * 3)),
        ...shell.slice(1),
      )
      await watching.until('the change', (w) => w.batches.some((batch) => batch.revision >= revision))
      await watching.stop()
    }
    await store.close()
  })

  test('as many operations as the port promises, whatever they are, and not one more', async () => {
    const store = await openAt(freshUrl(cluster.servers[0]!.address))
    const count = store.maxOperations!
    const keys = Array.from({ length: count }, (_, i) => `node/n${i}/k`)
    await commit(store, ...keys.map((key) => put(key, '1', 0)))
    await commit(
      store,
      ...keys.slice(1).map((key) => put(key, '2')),
      check('node/n0/k', (await store.get('node/n0/k'))!.revision),
    )
    await commit(store, ...keys.map((key) => remove(key)))
    assert.equal(await store.listKeys(''), [])
    await tooLarge(
      store,
      [...keys, 'more'].map((key) => put(key, '1')),
      /61 operations; Consul takes 60/,
    )
    await store.close()
  })

  test('a delete that expects a revision does not pass where the key is gone', async () => {
    const url = freshUrl(cluster.servers[0]!.address)
    const [store, other] = await Promise.all([openAt(url), openAt(url)])
    const revision = await commit(store, put('a', '1'))
    await commit(other, remove('a'))
    assert.equal(await store.commit([[remove('a', revision), put('b', '1')]]), [
      { kind: 'conflict', key: 'a', actual: 0 },
    ])
    assert.is(await store.get('b'), undefined)
    await Promise.all([store.close(), other.close()])
  })

  test('of those that are packed together only the ones that lost are refused', async () => {
    const url = freshUrl(cluster.servers[0]!.address)
    const [store, other] = await Promise.all([openAt(url), openAt(url)])
    const keys = ['a', 'b', 'c', 'd', 'e']
    const read = new Map<string, number>()
    for (const key of keys) read.set(key, await commit(store, put(key, 'first')))
    await commit(other, put('b', 'other'))
    await commit(other, remove('d'))
    const results = await store.commit(
      keys.map((key) => [put(key, 'second', read.get(key)), put(`${key}/x`, '')]),
    )
    assert.equal(
      results.map(({ kind }) => kind),
      ['committed', 'conflict', 'committed', 'conflict', 'committed'],
    )
    assert.equal(results[3], { kind: 'conflict', key: 'd', actual: 0 })
    assert.is(
      new Set(results.flatMap((one) => (one.kind === 'committed' ? [one.revision] : []))).size,
      1,
      'packed',
    )
    await Promise.all([store.close(), other.close()])
  })
}

test.run()
