/** Calls against a member that a test plays itself. */
import http2, { type ServerHttp2Stream } from 'node:http2'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import { EtcdClient, type EtcdClientOptions } from '../../../src/store/etcd/client.ts'
import { METHODS } from '../../../src/store/etcd/messages.ts'
import { RpcError, STATUS } from '../../../src/store/etcd/rpc.ts'
import { Message } from '../../../src/store/etcd/wire.ts'

type Play = (call: Call) => void

/** A call that came in. */
class Call {
  readonly path: string
  readonly token: string | undefined
  readonly #stream: ServerHttp2Stream

  constructor(path: string, token: string | undefined, stream: ServerHttp2Stream) {
    this.path = path
    this.token = token
    this.#stream = stream
  }

  /** And goes on. */
  begin(message: Message): void {
    this.#stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
    this.#stream.write(framed(message))
  }

  answer(message: Message): void {
    this.#stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    this.#stream.on('wantTrailers', () => this.#stream.sendTrailers({ 'grpc-status': '0' }))
    // one byte at a time, as a network may
    for (const byte of framed(message)) this.#stream.write(Buffer.from([byte]))
    this.#stream.end()
  }

  refuse(status: number, message: string): void {
    const headers = { 'grpc-status': String(status), 'grpc-message': encodeURIComponent(message) }
    this.#stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', ...headers },
      { endStream: true },
    )
  }

  reset(code: number): void {
    this.#stream.close(code)
  }
}

function framed(message: Message): Buffer {
  const body = message.encode()
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(body.length, 1)
  return Buffer.concat([prefix, body])
}

const header = (term: number) => new Message().message(1, new Message().int(3, 7).int(4, term))
/** Of a transaction that went through. */
const done = (term: number) => header(term).flag(2, true)

interface Stage {
  readonly client: EtcdClient
  readonly clock: ManualClock
  /** What came in, in order. */
  readonly calls: readonly Call[]
  /** Resolves once so many calls have come. */
  arrived(count: number): Promise<void>
}

/** Plays each call that comes by the next of `plays`; those beyond are left without an answer. */
async function onStage(
  plays: readonly Play[],
  run: (stage: Stage) => Promise<void>,
  options: Partial<EtcdClientOptions> = {},
): Promise<void> {
  const calls: Call[] = []
  const waiting: (() => void)[] = []
  const server = http2.createServer()
  server.on('session', (session) => session.on('error', () => {}))
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    const token = headers.token === undefined ? undefined : String(headers.token)
    const call = new Call(String(headers[':path']), token, stream)
    // a watch's request has no end
    stream.once('data', () => {
      plays[calls.length]?.(call)
      calls.push(call)
      for (const wake of waiting.splice(0)) wake()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `127.0.0.1:${(server.address() as { port: number }).port}`
  const clock = new ManualClock()
  const readableKey = Buffer.from('k')
  const client = new EtcdClient({ endpoints: [endpoint], readableKey, clock, random: () => 0, ...options })
  try {
    await run({
      client,
      clock,
      calls,
      async arrived(count) {
        while (calls.length < count) await new Promise<void>((resolve) => waiting.push(resolve))
      },
    })
  } finally {
    client.close()
    await new Promise((resolve) => server.close(resolve))
  }
}

const NOTHING = { compare: [], success: [], failure: [] }

async function failure(work: Promise<unknown>): Promise<RpcError> {
  const error = await work.then(
    () => assert.unreachable('it went through'),
    (thrown: unknown) => thrown,
  )
  assert.instance(error, RpcError)
  return error as RpcError
}

/** Lets pauses pass, until `work` is done. */
async function passing<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  let settled = false
  const end = () => {
    settled = true
  }
  work.then(end, end)
  while (!settled) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    clock.advance(20)
  }
  return work
}

test('an answer in pieces is one answer', () =>
  onStage([(call) => call.answer(done(3))], async ({ client, calls }) => {
    assert.equal(await client.write(NOTHING), {
      revision: 7,
      term: 3,
      cluster: '',
      succeeded: true,
      ranges: [],
    })
    assert.is(calls[0]?.path, METHODS.txn)
  }))

test('a write that an election overtook is given up, and not made again', () =>
  onStage(
    [
      (call) => call.answer(done(3)),
      () => {},
      (call) => call.answer(header(3)),
      (call) => call.answer(header(4)),
    ],
    async ({ client, clock, calls, arrived }) => {
      await client.write(NOTHING)
      const lost = failure(client.write(NOTHING))
      await arrived(2)
      clock.advance(1_000)
      await arrived(3)
      // the first look found nothing; its answer has to come before the next
      const error = await passing(clock, lost)
      assert.is(error.status, STATUS.unavailable)
      assert.match(error.message, 'another leader')
      assert.equal(
        calls.map(({ path }) => path),
        [METHODS.txn, METHODS.txn, METHODS.range, METHODS.range],
      )
    },
  ))

test('an election that another answer told of counts for those that still wait', () =>
  onStage(
    [
      (call) => call.answer(done(3)),
      () => {},
      (call) => call.answer(header(4)),
      (call) => call.answer(header(4)),
    ],
    async ({ client, clock, arrived }) => {
      await client.write(NOTHING)
      const lost = failure(client.write(NOTHING))
      await arrived(2)
      await client.range({ key: Buffer.from('k') })
      assert.match((await passing(clock, lost)).message, 'another leader')
    },
  ))

test('a write that waits at a member which has failed others is given up', () =>
  onStage(
    [
      (call) => call.answer(done(3)),
      () => {},
      (call) => call.refuse(STATUS.unavailable, 'etcdserver: no leader'),
      (call) => call.answer(header(3)),
    ],
    async ({ client, clock, arrived }) => {
      await client.write(NOTHING)
      const lost = failure(client.write(NOTHING))
      await arrived(2)
      await passing(clock, client.range({ key: Buffer.from('k') }))
      const begunMs = clock.monotonic()
      assert.match((await passing(clock, lost)).message, 'failed others')
      assert.ok(clock.monotonic() - begunMs < 2_000)
    },
  ))

test('a read that an election overtook is made again', () =>
  onStage(
    [
      (call) => call.answer(header(3)),
      () => {},
      (call) => call.refuse(STATUS.unavailable, 'etcdserver: no leader'),
      (call) => call.answer(header(4)),
    ],
    async ({ client, clock }) => {
      await client.range({ key: Buffer.from('k') })
      const answer = await passing(clock, client.range({ key: Buffer.from('k') }))
      assert.is(answer.term, 4)
    },
  ))

test('a write is made again only where it is certain that it was not made', async () => {
  for (const { refuse, again } of [
    { refuse: (call: Call) => call.refuse(STATUS.unavailable, 'etcdserver: no leader'), again: true },
    { refuse: (call: Call) => call.refuse(STATUS.unknown, 'raft proposal dropped'), again: true },
    {
      refuse: (call: Call) => call.refuse(STATUS.resourceExhausted, 'etcdserver: too many requests'),
      again: true,
    },
    { refuse: (call: Call) => call.reset(http2.constants.NGHTTP2_REFUSED_STREAM), again: true },
    { refuse: (call: Call) => call.reset(http2.constants.NGHTTP2_INTERNAL_ERROR), again: false },
    { refuse: (call: Call) => call.refuse(STATUS.unavailable, 'etcdserver: leader changed'), again: false },
    {
      refuse: (call: Call) => call.refuse(STATUS.unavailable, 'etcdserver: request timed out'),
      again: false,
    },
    {
      refuse: (call: Call) => call.refuse(STATUS.permissionDenied, 'etcdserver: permission denied'),
      again: false,
    },
  ]) {
    await onStage([refuse, (call) => call.answer(done(1))], async ({ client, clock, calls }) => {
      const result = await passing(
        clock,
        client.write(NOTHING).catch((error: unknown) => error),
      )
      assert.is(calls.length, again ? 2 : 1, String(refuse))
      assert.is(result instanceof RpcError, !again, String(refuse))
    })
  }
})

test('a watch whose member falls silent is told within 4.5 s, and one whose member is only quiet is not', async () => {
  const created = (call: Call) => call.begin(header(3).flag(3, true))
  const answer = (call: Call) => call.answer(header(3))
  await onStage([created, answer, answer], async ({ client, clock, calls, arrived }) => {
    const range = { key: Buffer.from('k') }
    const watching = client.watch(range, 1, new AbortController().signal)
    assert.is((await watching.next()).value?.created, true)
    const broken = failure(watching.next())
    const begunMs = clock.monotonic()
    await passing(clock, arrived(3))
    assert.ok(clock.monotonic() - begunMs > 5_000, 'it is asked too often')
    const heardMs = clock.monotonic()
    assert.match((await passing(clock, broken)).message, 'it does not answer')
    assert.ok(clock.monotonic() - heardMs <= 4_600, `${clock.monotonic() - heardMs} ms`)
    assert.equal(
      calls.map(({ path }) => path),
      [METHODS.watch, METHODS.range, METHODS.range, METHODS.range],
    )
  })
})

test('an old token is renewed once, and one that stays refused is an error', async () => {
  const credentials = { user: 'me', password: 'secret' }
  const give = (token: string) => (call: Call) => call.answer(new Message().text(2, token))
  const stale = (call: Call) => call.refuse(STATUS.unauthenticated, 'etcdserver: invalid auth token')
  await onStage(
    [give('first'), stale, give('second'), (call) => call.answer(done(1)), (call) => call.answer(done(1))],
    async ({ client, calls }) => {
      await client.write(NOTHING)
      await client.write(NOTHING)
      assert.equal(
        calls.map(({ token }) => token),
        [undefined, 'first', undefined, 'second', 'second'],
      )
    },
    { credentials },
  )
  await onStage(
    [give('first'), stale, give('second'), stale],
    async ({ client }) => assert.is((await failure(client.write(NOTHING))).status, STATUS.unauthenticated),
    { credentials },
  )
})

test.run()
