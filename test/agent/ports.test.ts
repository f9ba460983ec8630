import { createServer } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { canListen, PortAllocator } from '../../src/agent/ports.ts'

const free = async () => true
const tcp = (name: string, port?: number) => ({
  name,
  protocol: 'TCP' as const,
  ...(port === undefined ? {} : { port }),
})

test('gives nobody the same port twice, also when asked side by side', async () => {
  const ports = new PortAllocator({ first: 100, last: 119 }, free)
  const given = await Promise.all(
    Array.from({ length: 10 }, (_, i) => ports.allocate(`owner ${i}`, [tcp('a'), tcp('b')])),
  )
  const numbers = given.flat().map((one) => one.port)
  assert.is(new Set(numbers).size, 20)
})

test('says so when the range is used up, and has room again after a release', async () => {
  const ports = new PortAllocator({ first: 100, last: 101 }, free)
  await ports.allocate('one', [tcp('a'), tcp('b')])
  try {
    await ports.allocate('two', [tcp('a')])
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /no free TCP port between 100 and 101/)
  }
  ports.release('one')
  assert.is((await ports.allocate('two', [tcp('a')])).length, 1)
})

test('leaves alone what was adopted', async () => {
  const ports = new PortAllocator({ first: 100, last: 101 }, free)
  ports.adopt('old', [{ name: 'a', port: 100 }])
  assert.equal(await ports.allocate('new', [tcp('a')]), [{ name: 'a', port: 101 }])
})

test('skips what something listens on', async () => {
  const ports = new PortAllocator({ first: 100, last: 102 }, async (port) => port === 102)
  assert.equal(await ports.allocate('new', [tcp('a')]), [{ name: 'a', port: 102 }])
})

for (const host of ['127.0.0.1', '0.0.0.0', '::1', '::']) {
  test(`canListen sees a listener on ${host}`, async () => {
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port: 0, ipv6Only: host.includes(':') }, resolve)
    })
    const { port } = server.address() as { port: number }
    assert.is(await canListen(port, 'TCP'), false)
    await new Promise((resolve) => server.close(resolve))
    assert.is(await canListen(port, 'TCP'), true)
  })
}

test('a fixed port is its first owner’s until that is gone, TCP and UDP apart', () => {
  const ports = new PortAllocator({ first: 100, last: 119 }, free)
  const udp = { name: 'dns', protocol: 'UDP' as const, port: 53 }
  assert.is(ports.claimFixed('one', [tcp('dns', 53), tcp('free')]), undefined)
  assert.is(ports.claimFixed('one', [tcp('dns', 53)]), undefined, 'its own')
  assert.is(ports.claimFixed('two', [udp]), undefined)
  assert.equal(ports.claimFixed('three', [tcp('web', 80), tcp('names', 53)]), {
    name: 'names',
    port: 53,
    owner: 'one',
  })
  assert.is(ports.claimFixed('four', [tcp('web', 80)]), undefined, 'three has got none of them')
  ports.release('one')
  assert.is(ports.claimFixed('three', [tcp('names', 53)]), undefined)
})

test('where not all can be had none is taken', async () => {
  const ports = new PortAllocator({ first: 20_000, last: 20_001 }, async () => true)
  const wanted = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ name: `p${i}`, protocol: 'TCP' as const }))
  for (let i = 0; i < 2; i++) {
    try {
      await ports.allocate('greedy', wanted(3))
      assert.unreachable('three ports out of two')
    } catch (error) {
      assert.match(String(error), 'no free TCP port between 20000 and 20001')
    }
  }
  assert.is((await ports.allocate('modest', wanted(2))).length, 2)
})

test.run()
