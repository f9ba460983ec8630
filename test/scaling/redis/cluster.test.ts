/** What a real cluster does for a moment only: a key on its way, a node without a name for itself, a ring of moves. */
import { createServer, type Socket } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { redisLists } from '../../../src/scaling/sources/redis.ts'
import { numberOf } from '../sources/contract.ts'
import { sourceContext, triggerConfig } from '../sources/double.ts'

const sockets: Socket[] = []

/** A node that answers by the words of a command, and keeps what it was asked. */
async function startNode(answer: (command: string) => string) {
  const asked: string[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => socket.destroy())
    socket.on('data', (data) => {
      const words = data
        .toString()
        .split('\r\n')
        .filter((_, i) => i > 0 && i % 2 === 0)
      asked.push(words.join(' '))
      socket.write(`${answer(words[0] ?? '')}\r\n`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return { asked, port: (server.address() as { port: number }).port }
}

const open = (type: string, port: number) =>
  redisLists.open(
    triggerConfig({ type, metadata: { address: `127.0.0.1:${port}`, listName: 'jobs' } }),
    sourceContext(),
  )

test.after(() => {
  for (const socket of sockets) socket.destroy()
})

test('a key on its way is asked for at its new node, once, and the old one is asked again', async () => {
  const next = await startNode((command) => (command === 'ASKING' ? '+OK' : ':3'))
  const first = await startNode(() => `-ASK 7 127.0.0.1:${next.port}`)
  const source = open('redis-cluster', first.port)
  assert.equal([await numberOf(source), await numberOf(source)], [3, 3])
  assert.equal(first.asked, ['LLEN jobs', 'LLEN jobs'])
  assert.equal(next.asked, ['ASKING', 'LLEN jobs', 'ASKING', 'LLEN jobs'])
  await source.close()
})

test('a key that has moved is asked for at its new node from then on, which may have no name', async () => {
  const next = await startNode(() => ':4')
  const first = await startNode(() => `-MOVED 7 :${next.port}`)
  const source = open('redis-cluster', first.port)
  assert.equal([await numberOf(source), await numberOf(source)], [4, 4])
  assert.equal([first.asked.length, next.asked.length], [1, 2])
  await source.close()
})

for (const { name, type, say, code } of [
  {
    name: 'nodes that send us round in a ring',
    type: 'redis-cluster',
    say: '-MOVED 7 :PORT',
    code: 'Unreachable',
  },
  { name: 'a place that is none', type: 'redis-cluster', say: '-MOVED 7 nowhere', code: 'Invalid' },
  {
    name: 'a server that belongs to a cluster',
    type: 'redis',
    say: '-MOVED 7 127.0.0.1:1',
    code: 'Invalid',
  },
  { name: 'a server that is loading', type: 'redis', say: '-LOADING Redis is loading', code: 'Unreachable' },
  { name: 'a command that is not there', type: 'redis', say: '-ERR unknown command', code: 'Invalid' },
  { name: 'an answer that is no number', type: 'redis', say: '+OK', code: 'Unreachable' },
] as const)
  test(`makes no number of ${name}`, async () => {
    const node: { asked: string[]; port: number } = await startNode(() =>
      say.replace('PORT', String(node.port)),
    )
    const source = open(type, node.port)
    const error = await source.measure(AbortSignal.timeout(3_000)).catch((thrown: unknown) => thrown)
    assert.ok(isNsctlError(error, code), String(error))
    assert.ok(node.asked.length <= 6)
    await source.close()
  })

test.run()
