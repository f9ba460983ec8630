/** A client of several servers, which a test plays itself. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Clock, ManualClock, systemClock } from '../../../src/core/clock.ts'
import { parseConsulUrl } from '../../../src/store/consul/address.ts'
import type { KvClient, KvOperation } from '../../../src/store/consul/client.ts'
import { ConsulError, type Outcome, translate } from '../../../src/store/consul/errors.ts'
import { openClient } from '../../../src/store/consul/servers.ts'

const LIMITS = { requestMs: 10_000, blockMs: 60_000 }

/** One server: what it answers to a transaction or a blocking read, and who it says leads. Neither where undefined. */
interface Part {
  readonly answer?: unknown
  leader?: string
}

interface Stage {
  readonly client: KvClient
  readonly addresses: readonly string[]
  /** What came in: `0 txn`, `1 leader`, `0 kv`. */
  readonly asked: readonly string[]
}

async function onStage(
  parts: readonly Part[],
  run: (stage: Stage) => Promise<void>,
  clock: Clock = systemClock,
): Promise<void> {
  const asked: string[] = []
  const servers = await Promise.all(
    parts.map((part, at) => serve(part, (what) => asked.push(`${at} ${what}`))),
  )
  const addresses = servers.map((server) => `127.0.0.1:${(server.address() as { port: number }).port}`)
  const client = await openClient(parseConsulUrl(`consul://${addresses.join(',')}/p`), LIMITS, clock)
  try {
    await run({ client, addresses, asked })
  } finally {
    client.close()
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  }
}

async function serve(part: Part, note: (what: string) => void) {
  const answer = (response: ServerResponse, body: unknown) => {
    if (body === undefined) return
    response.setHeader('content-type', 'application/json')
    response.setHeader('x-consul-index', '1')
    response.end(JSON.stringify(body))
  }
  const server = createServer((request: IncomingMessage, response) => {
    const { pathname } = new URL(request.url!, 'http://x')
    note(pathname.split('/')[pathname.startsWith('/v1/status') ? 3 : 2]!)
    answer(response, pathname === '/v1/status/leader' ? part.leader : part.answer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

const READ: readonly KvOperation[] = [{ Verb: 'get-tree', Key: 'p' }]
const DONE = { answer: { Results: [], Errors: null }, leader: 'a' }
/** Nobody listens there. */
const GONE = '127.0.0.1:1'

async function failure(work: Promise<unknown>): Promise<ConsulError> {
  const error = await work.then(
    () => assert.unreachable('it was answered'),
    (thrown: unknown) => thrown,
  )
  assert.instance(error, ConsulError)
  return error as ConsulError
}

test('where nobody listens the next server is asked, and stays the one that is asked', () =>
  onStage([DONE], async ({ addresses, asked }) => {
    const client = await openClient(parseConsulUrl(`consul://${GONE},${addresses[0]}/p`), LIMITS, systemClock)
    assert.is((await client.transact(READ)).kind, 'done')
    assert.is((await client.transact(READ)).kind, 'done')
    assert.equal(asked, ['0 txn', '0 txn'])
    client.close()
  }))

test('where nobody listens anywhere each server is named, and it is known that nothing happened', async () => {
  const url = `consul://${GONE},127.0.0.1:2/p`
  const client = await openClient(parseConsulUrl(url), LIMITS, systemClock)
  const error = await failure(client.transact(READ))
  assert.is(error.outcome, 'absent')
  const refused = 'nothing listens there (connection refused)'
  assert.is(error.message, `the store ${url} cannot be reached: ${GONE}: ${refused}; 127.0.0.1:2: ${refused}`)
  client.close()
})

for (const { name, part, message, withinMs } of [
  { name: 'says nothing', part: {}, message: 'it does not answer', withinMs: 3_000 },
  { name: 'knows no leader', part: { leader: '' }, message: 'it knows no leader', withinMs: 1_500 },
] as const) {
  test(`a server that is late and ${name} is given up, and the next is asked from then on`, () =>
    onStage([part, DONE], async ({ client, addresses }) => {
      const begunMs = performance.now()
      const error = await failure(client.transact(READ))
      assert.is(error.outcome, 'unknown')
      assert.match(error.message, `${addresses[0]}: ${message}`)
      assert.ok(performance.now() - begunMs < withinMs)
      assert.is((await client.transact(READ)).kind, 'done')
    }))
}

test('waits for news share a look every 3 s, and are given up where another server leads than before', async () => {
  const part: Part = { leader: 'a' }
  const clock = new ManualClock()
  await onStage(
    [part],
    async ({ client, asked }) => {
      const { signal } = new AbortController()
      const waits = Array.from({ length: 10 }, () =>
        failure(client.block({ key: 'p', recurse: true, index: 1, signal })),
      )
      const passes = async (ms: number) => {
        for (let left = ms; left > 0; left -= 100) {
          clock.advance(100)
          await new Promise((resolve) => setTimeout(resolve, 3))
        }
      }
      await passes(30_000)
      const pulses = asked.filter((one) => one === '0 leader').length
      assert.ok(pulses >= 9 && pulses <= 11, `${pulses} in 30 s`)
      part.leader = 'b'
      await passes(4_000)
      for (const wait of waits) assert.match((await wait).message, 'another server leads than before')
    },
    clock,
  )
})

test('who stops waiting is told so, and the server is not left', () =>
  onStage([{ leader: 'a' }, DONE], async ({ client, asked }) => {
    const stop = new AbortController()
    const waiting = client.block({ key: 'p', recurse: true, index: 1, signal: stop.signal })
    while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    stop.abort(new Error('enough'))
    assert.is(await waiting.catch((error: Error) => error.message), 'enough')
  }))

for (const [code, syscall, outcome] of [
  ['ECONNREFUSED', 'connect', 'absent'],
  ['ETIMEDOUT', 'connect', 'absent'],
  ['EHOSTUNREACH', 'connect', 'absent'],
  ['ENOTFOUND', 'getaddrinfo', 'absent'],
  ['ETIMEDOUT', 'read', 'unknown'],
  ['EHOSTUNREACH', 'read', 'unknown'],
  ['ECONNRESET', 'read', 'unknown'],
] as const satisfies readonly (readonly [string, string, Outcome])[]) {
  test(`${code} of ${syscall}: what became of the request is ${outcome}`, () => {
    const error = Object.assign(new Error('x'), { code, syscall })
    assert.is((translate(error, parseConsulUrl('consul://h/p')) as ConsulError).outcome, outcome)
  })
}

test.run()
