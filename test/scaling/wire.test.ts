import { createServer, type Server, type Socket } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Wire } from '../../src/scaling/wire.ts'
import { until } from './sources/contract.ts'

/** Frames are lines. */
const decode = (bytes: Buffer) => {
  const end = bytes.indexOf('\n')
  return end < 0 ? undefined : { frame: bytes.toString('utf8', 0, end), end: end + 1 }
}

const servers: Server[] = []
const sockets: Socket[] = []

async function serve(answer: (line: string, socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => socket.destroy())
    socket.on('data', (data) => answer(data.toString(), socket))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as { port: number }).port
}

test.after(() => {
  for (const socket of sockets) socket.destroy()
  for (const server of servers) server.close()
})

const open = (port: number, signal = AbortSignal.timeout(2_000)) =>
  Wire.open({ address: { host: '127.0.0.1', port }, tls: undefined, decode }, async () => undefined, signal)

const messageOf = (promise: Promise<unknown>) => promise.then(String, (error: Error) => error.message)

test('a wire gives an answer to each question, however it is cut up', async () => {
  const port = await serve((line, socket) => {
    socket.write(line.slice(0, 2))
    setTimeout(() => socket.write(line.slice(2)), 20)
  })
  const wire = await open(port)
  assert.is(await wire.ask('hello\n'), 'hello')
  assert.is(await wire.ask('again\n'), 'again')
  assert.is(wire.isOpen, true)
  const both = [messageOf(wire.ask('one\n')), messageOf(wire.ask('two\n'))]
  assert.equal(await Promise.all(both), ['one', 'two questions at once'])
  wire.end()
  wire.end()
  assert.is(await messageOf(wire.ask('more\n')), 'the connection was closed')
})

for (const [name, answer, want] of [
  ['answers more than was asked', 'one\ntwo\n', 'it answers more than was asked'],
  ['never comes to an end', 'x'.repeat(3 << 20), 'its answer is longer than 1 MiB'],
] as const)
  test(`a wire is ended by a server that ${name}`, async () => {
    const wire = await open(await serve((_line, socket) => socket.write(answer)))
    assert.is(await messageOf(wire.ask('hello\n')), want)
    assert.is(wire.isOpen, false)
  })

test('a wire is ended by a server that speaks unasked, and nothing else happens', async () => {
  const wire = await open(await serve((line, socket) => socket.write(line)))
  await wire.ask('hello\n')
  sockets.at(-1)?.write('surprise\n')
  await until(async () => !wire.isOpen)
  assert.is(await messageOf(wire.ask('more\n')), 'it speaks unasked')
})

test('a wire that is being opened ends with its signal', async () => {
  const port = await serve(() => undefined)
  const stop = new AbortController()
  const tls = { rejectUnauthorized: false }
  const opening = Wire.open(
    { address: { host: '127.0.0.1', port }, tls, decode },
    async () => undefined,
    stop.signal,
  )
  setTimeout(() => stop.abort(), 30)
  assert.is(await messageOf(opening), 'the connection was closed')
  await until(async () => sockets.at(-1)?.destroyed === true)
})

test.run()
