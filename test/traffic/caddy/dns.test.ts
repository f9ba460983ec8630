/** As much of DNS as Caddy asks for, and whatever else may come over the wire. */
import { connect } from 'node:net'
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addressName, answer, type Target } from '../../../src/traffic/caddy/dns.ts'
import { NameServer } from '../../../src/traffic/caddy/names.ts'

const SUFFIX = 'nsctl-x.internal'

function query(name: string, type: number): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`))
  const head = Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, type, 0, 1])])
}

const targets = new Map<string, readonly Target[]>([
  [`r-web.${SUFFIX}`, [{ address: '10.0.0.5', port: 20_011 }]],
  [`r-none.${SUFFIX}`, []],
])
const ask = (name: string, type: number) => answer(query(name, type), SUFFIX, (one) => targets.get(one))

const [A, AAAA, SRV, TXT] = [1, 28, 33, 16]

for (const { name, asked, type, code, count } of [
  { name: 'tells the instances of a service', asked: `r-web.${SUFFIX}`, type: SRV, code: 0, count: 1 },
  { name: 'in whatever case', asked: `R-Web.${SUFFIX.toUpperCase()}`, type: SRV, code: 0, count: 1 },
  { name: 'knows a service without any', asked: `r-none.${SUFFIX}`, type: SRV, code: 0, count: 0 },
  { name: 'has no address of a service', asked: `r-web.${SUFFIX}`, type: A, code: 0, count: 0 },
  { name: 'does not know others', asked: `r-other.${SUFFIX}`, type: SRV, code: 3, count: 0 },
  { name: 'spells IPv4', asked: `v4-0a000005.${SUFFIX}`, type: A, code: 0, count: 1 },
  { name: 'of which there is no IPv6', asked: `v4-0a000005.${SUFFIX}`, type: AAAA, code: 0, count: 0 },
  { name: 'nor anything else', asked: `v4-0a000005.${SUFFIX}`, type: TXT, code: 0, count: 0 },
  { name: 'refuses what spells none', asked: `v4-0a00.${SUFFIX}`, type: A, code: 3, count: 0 },
  {
    name: 'refuses what is not under its name',
    asked: 'v4-0a000005.example.org',
    type: A,
    code: 3,
    count: 0,
  },
])
  test(`the name server ${name}`, () => {
    const said = ask(asked, type)
    assert.ok(said)
    assert.is(said.readUInt16BE(0), 0x1234)
    assert.is(said.readUInt16BE(2) & 0x800f, 0x8000 | code)
    assert.is(said.readUInt16BE(6), count)
  })

for (const { address, name } of [
  { address: '127.0.0.1', name: 'v4-7f000001' },
  { address: '::1', name: 'v6-00000000000000000000000000000001' },
  { address: 'fe80::1:2', name: 'v6-fe800000000000000000000000010002' },
  { address: '2001:db8:1:2:3:4:5:6', name: 'v6-20010db8000100020003000400050006' },
  { address: '::ffff:10.0.0.5', name: 'v6-00000000000000000000ffff0a000005' },
])
  test(`the name of ${address} spells it`, () => assert.is(addressName(address, SUFFIX), `${name}.${SUFFIX}`))

test('no message makes it fail', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      answer(Buffer.from(bytes), SUFFIX, () => [{ address: '::1', port: 1 }])
    }),
  )
  const whole = query(`r-web.${SUFFIX}`, SRV)
  for (let length = 0; length < whole.length; length++)
    assert.is(
      answer(whole.subarray(0, length), SUFFIX, () => []),
      undefined,
    )
})

test('serves over TCP, message by message, and closes on who talks nonsense', async () => {
  const server = new NameServer(SUFFIX, (one) => targets.get(one))
  const port = await server.listen(undefined)
  try {
    const message = query(`r-web.${SUFFIX}`, SRV)
    const framed = Buffer.concat([Buffer.from([0, message.length]), message])
    const socket = connect(port, '127.0.0.1')
    const parts: Buffer[] = []
    socket.on('data', (data) => parts.push(data))
    // in pieces, and two in one
    for (const byte of framed) socket.write(Buffer.from([byte]))
    socket.write(Buffer.concat([framed, framed]))
    const length = (ask(`r-web.${SUFFIX}`, SRV)?.length ?? 0) + 2
    while (Buffer.concat(parts).length < 3 * length) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.is(Buffer.concat(parts).length, 3 * length)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.write(Buffer.from([0xff, 0xff, 1]))
    await closed
  } finally {
    await server.close()
  }
})

test('it listens where it did before, and elsewhere where that is taken', async () => {
  const [first, second, third] = [1, 2, 3].map(() => new NameServer(SUFFIX, () => [])) as [
    NameServer,
    NameServer,
    NameServer,
  ]
  const port = await first.listen(undefined)
  try {
    assert.is.not(await second.listen(port), port)
    await first.close()
    assert.is(await third.listen(port), port)
  } finally {
    await Promise.all([second.close(), third.close()])
  }
})

test.run()
