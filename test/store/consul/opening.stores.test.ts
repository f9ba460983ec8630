/** Opening a store in Consul: what is made, what is recognised, and what is said where it cannot be. */
import { createServer } from 'node:http'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { isNsctlError, type NsctlError } from '../../../src/core/errors.ts'
import { openStore } from '../../../src/main.ts'
import { type ConsulCluster, startConsul } from '../../lab/consul.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { commit, put } from '../contract-read.ts'
import { freshUrl, openAt } from './scene.ts'

const FAST = { requestMs: 1_000, giveUpMs: 1_000 }
let cluster: ConsulCluster

async function kv(url: string, key: string, value?: unknown): Promise<string> {
  const { host, pathname } = new URL(url)
  const response = await fetch(`http://${host}/v1/kv${pathname}/${key}?raw`, {
    ...(value === undefined ? {} : { method: 'PUT', body: JSON.stringify(value) }),
  })
  return response.text()
}

async function refusal(work: Promise<unknown>, code: NsctlError['code']): Promise<NsctlError> {
  try {
    await work
  } catch (error) {
    assert.ok(isNsctlError(error, code), String(error))
    assert.is(error.exitCode, 3)
    return error
  }
  throw new Error('it was opened')
}

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    cluster = await startConsul()
  })
  test.after(() => cluster.stop())
  const fresh = () => freshUrl(cluster.servers[0]!.address)

  test('what is stored can be read with Consul’s own tools', async () => {
    const url = fresh()
    const store = await openAt(url)
    await commit(store, put('obj/nsctl.dev/services/default/web', '{"kind":"Service"}'))
    assert.is(await kv(url, 'data/obj/nsctl.dev/services/default/web'), '{"kind":"Service"}')
    assert.equal(JSON.parse(await kv(url, 'format')), {
      program: 'nsctl',
      format: 1,
      shards: 16,
      slots: 1024,
    })
    await store.close()
  })

  test('a store of a newer format is refused with both versions, and left as it is', async () => {
    const url = fresh()
    await kv(url, 'format', { program: 'nsctl', format: 2 })
    const error = await refusal(openAt(url), 'StoreFormat')
    assert.is(error.message, `the store ${url} has format 2; this nsctl reads formats up to 1`)
    assert.equal(JSON.parse(await kv(url, 'format')), { program: 'nsctl', format: 2 })
  })

  test('keys of another program under the prefix are refused, and left alone', async () => {
    for (const key of ['something', 'data/x', 'format']) {
      const url = fresh()
      await kv(url, key, 'theirs')
      const error = await refusal(openAt(url), 'StoreFormat')
      assert.match(error.message, 'holds keys that are not nsctl’s')
      assert.match(error.next!, 'another prefix')
      assert.is(await kv(url, key), '"theirs"')
    }
  })

  test('a damaged format, and a lost head, are named', async () => {
    const url = fresh()
    await kv(url, 'format', { program: 'nsctl', format: 1, shards: 0 })
    assert.match((await refusal(openAt(url), 'StoreCorrupt')).message, 'format')
    const other = fresh()
    const store = await openAt(other)
    const { host, pathname } = new URL(other)
    await fetch(`http://${host}/v1/kv${pathname}/feed/head/03`, { method: 'DELETE' })
    assert.match((await refusal(store.list(['']), 'StoreCorrupt')).message, 'feed/head/03')
    await store.close()
  })

  test('many that open a new store at once make one', async () => {
    const url = fresh()
    const stores = await Promise.all(Array.from({ length: 8 }, () => openAt(url)))
    await Promise.all(stores.map((store, i) => commit(store, put(`k/${i}`, ''))))
    assert.is((await stores[0]!.listKeys('k/')).length, 8)
    await Promise.all(stores.map((store) => store.close()))
  })

  test('reading makes no store; comparing does without one', async () => {
    const url = fresh()
    const error = await refusal(openAt(url, { readOnly: true }), 'Unreachable')
    assert.is(error.message, `there is no store at ${url}`)
    const options = { env: {}, clock: systemClock, store: url }
    const empty = await openStore({ ...options, readOnly: true, emptyIfMissing: true })
    assert.equal(await empty.listKeys(''), ['store/layout'], 'what a new one begins with')
    assert.is(await kv(url, 'format'), '')
    const made = await openStore(options)
    await commit(made, put('a', '1'))
    const there = await openStore({ ...options, readOnly: true, emptyIfMissing: true })
    assert.is((await there.get('a'))?.value, '1')
    await Promise.all([made.close(), there.close()])
  })

  test('a datacenter that is not there is named', async () => {
    const url = `${fresh()}?dc=elsewhere`
    const error = await refusal(openAt(url, FAST), 'Unreachable')
    assert.match(error.message, 'there is no datacenter elsewhere')
    const right = await openAt(`${fresh()}?dc=dc1`)
    assert.match(right.url, '?dc=dc1')
    await right.close()
  })

  test('nobody there, no such host, and something that is no Consul, at once and with the address', async () => {
    const web = createServer((_, response) => response.end('<html>hello</html>')).listen(0, '127.0.0.1')
    await new Promise((resolve) => web.once('listening', resolve))
    const { port } = web.address() as { port: number }
    try {
      for (const [address, message] of [
        ['127.0.0.1:1', /127\.0\.0\.1:1.*nothing listens there/],
        ['nowhere.invalid', /nowhere\.invalid:8500.*(no host of that name|cannot be resolved)/],
        [`127.0.0.1:${port}`, /what answers there is no Consul/],
      ] as const) {
        const started = performance.now()
        const error = await refusal(openAt(`consul://${address}/x`), 'Unreachable')
        assert.match(error.message, message)
        assert.ok(performance.now() - started < 5_000)
      }
    } finally {
      web.close()
    }
  })
}

test.run()
