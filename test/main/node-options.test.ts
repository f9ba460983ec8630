import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import {
  addressesOf,
  hostOf,
  readAddresses,
  readNodeName,
  readReserve,
  refuseRenaming,
} from '../../src/main/node-options.ts'

for (const [url, host] of [
  ['consul://10.0.0.5:8500/nsctl', '10.0.0.5'],
  ['consuls://user@db.lan/nsctl', 'db.lan'],
  ['etcd://a.lan:2379,b.lan:2379/nsctl', 'a.lan'],
  ['consul://[fd00::1]:8500/nsctl', 'fd00::1'],
  ['sqlite:/var/lib/nsctl/store.db', undefined],
  ['memory:', undefined],
] as const)
  test(`the store ${url} is at ${host}`, () => assert.is(hostOf(url), host))

test('a machine is reached where it was said, else as it reaches its store, else by itself alone', async () => {
  assert.equal((await addressesOf('memory:', ['10.1.1.1'])).addresses, ['10.1.1.1'])
  assert.equal((await addressesOf('sqlite:/x.db')).addresses, ['127.0.0.1', '::1'])
  const local = await addressesOf('consul://127.0.0.1:8500/x')
  assert.equal(local.addresses, ['127.0.0.1', '::1'])
  assert.match(local.why, '--address')
})

test('what is kept of one resource leaves the other as it is', () => {
  const kept = readReserve('cpu=250m')
  assert.is(kept.cpuMillis, 250)
  assert.ok(kept.memoryBytes > 0 && kept.memoryBytes <= 2 ** 30)
  assert.equal(readReserve('cpu=1,memory=2Gi'), { cpuMillis: 1000, memoryBytes: 2 ** 31 })
})

for (const [what, read] of [
  ['another resource', () => readReserve('disk=1Gi')],
  ['a host name as an address', () => readAddresses(['alpha.lan'])],
  ['any address', () => readAddresses(['0.0.0.0'])],
  ['a name in capitals', () => readNodeName('Alpha')],
] as const)
  test(`${what} is refused`, () => {
    try {
      read()
      assert.unreachable('it was taken')
    } catch (error) {
      assert.ok(isNsctlError(error, 'Usage'), String(error))
    }
  })

test('a machine whose programs run under one name is not given another', () => {
  refuseRenaming({ storeUrl: 'x', node: 'alpha' }, undefined)
  refuseRenaming({ storeUrl: 'x', node: 'alpha' }, 'alpha')
  assert.throws(() => refuseRenaming({ storeUrl: 'x', node: 'alpha' }, 'beta'), /node alpha, not beta/)
})

test.run()
