/** Scrapes of very many metrics, and scrapers that do not take what they ask for. */
import { get, type IncomingMessage, type RequestOptions } from 'node:http'
import { connect } from 'node:net'
import client from 'prom-client'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Exposition, Families, MetricLine } from '../../src/telemetry/families.ts'
import { metricsServer } from '../../src/telemetry/metrics-server.ts'
import { until } from '../daemon/processes.ts'
import { RecordingLogger } from '../engine/harness.ts'

/** Two families of so many lines. */
class Many implements Exposition {
  made = 0
  ended = 0
  readonly #count: number
  readonly #failsAfter: number

  constructor(count: number, failsAfter = Number.POSITIVE_INFINITY) {
    this.#count = count
    this.#failsAfter = failsAfter
  }

  define(families: Families): void {
    families.gauge('first', 'of two \\ and\nmore', () => this.#lines())
    families.counter('second_total', 'of two', () => this.#lines())
  }

  *#lines(): Generator<MetricLine> {
    try {
      for (let index = 0; index < this.#count; index++) {
        if (++this.made > this.#failsAfter) throw new Error('nothing more is known')
        yield { labels: { name: `line "${index}"`, long: 'x'.repeat(90) }, value: index }
      }
    } finally {
      this.ended++
    }
  }
}

interface Served {
  readonly port: number
  readonly logger: RecordingLogger
  stop(): Promise<void>
}

async function serve(exposition: Exposition, stalledAfterMs?: number): Promise<Served> {
  const abort = new AbortController()
  const logger = new RecordingLogger()
  const { promise, resolve } = Promise.withResolvers<number>()
  const options = { expositions: [exposition], port: 0, logger, onListening: resolve }
  const running = metricsServer({ ...options, ...(stalledAfterMs && { stalledAfterMs }) }).run(abort.signal)
  const stop = () => {
    abort.abort()
    return running
  }
  return { port: await promise, logger, stop }
}

/** fetch unpacks by itself; this does not. */
function request(port: number, options: RequestOptions = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(`http://127.0.0.1:${port}/metrics`, { agent: false, ...options }, resolve).on('error', reject)
  })
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part)
  return Buffer.concat(parts)
}

/** Asks, and takes no more than what the kernel takes for it. */
async function asksAndTakesNothing(port: number) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.pause()
  socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n')
  return socket
}

test('a family of many pieces has HELP and TYPE once, and all is as prom-client writes it', async () => {
  const server = await serve(new Many(1_234))
  const text = (await bodyOf(await request(server.port))).toString()
  await server.stop()
  const registry = new client.Registry()
  const labelNames = ['name', 'long']
  const first = new client.Gauge({
    name: 'first',
    help: 'of two \\ and\nmore',
    labelNames,
    registers: [registry],
  })
  const second = new client.Counter({
    name: 'second_total',
    help: 'of two',
    labelNames,
    registers: [registry],
  })
  for (let index = 0; index < 1_234; index++) {
    const labels = { name: `line "${index}"`, long: 'x'.repeat(90) }
    first.set(labels, index)
    second.inc(labels, index)
  }
  assert.is(text, (await registry.metrics()).replaceAll('\n\n', '\n'))
})

test('other things are done while very much is shown', async () => {
  const server = await serve(new Many(50_000))
  let [turns, isOver] = [0, false]
  const next = () => {
    turns++
    if (!isOver) setImmediate(next)
  }
  const response = await request(server.port)
  next()
  const { length } = await bodyOf(response)
  isOver = true
  await server.stop()
  assert.ok(length > 10_000_000, `${length} bytes`)
  assert.ok(turns > 300, `${turns} turns`)
})

test('it is compressed for whom takes that', async () => {
  const server = await serve(new Many(5_000))
  const plain = await request(server.port)
  const whole = await bodyOf(plain)
  assert.is(plain.headers['content-encoding'], undefined)
  const ask = (value: string) => request(server.port, { headers: { 'accept-encoding': value } })
  for (const takes of ['gzip', 'deflate, gzip;q=0.5', 'br,GZIP ; q=0.1']) {
    const response = await ask(takes)
    assert.is(response.headers['content-encoding'], 'gzip', takes)
    const body = await bodyOf(response)
    assert.ok(body.length < whole.length / 5, `${body.length} of ${whole.length}`)
    const { gunzipSync } = await import('node:zlib')
    assert.ok(gunzipSync(body).equals(whole))
  }
  for (const refuses of ['', 'identity', 'gzip;q=0', 'gzip; q=0.0, deflate', 'xgzip']) {
    const response = await ask(refuses)
    assert.is(response.headers['content-encoding'], undefined, refuses)
    await bodyOf(response)
  }
  await server.stop()
})

test('for a scraper that takes nothing hardly anything is made, and it is cut off', async () => {
  const many = new Many(400_000)
  const server = await serve(many, 300)
  const socket = await asksAndTakesNothing(server.port)
  await until(() => assert.is(many.ended, 1))
  assert.ok(many.made < 200_000, `${many.made} lines were made`)
  // what nobody is told of would be logged with each scrape
  assert.equal(server.logger.messages('warn', 'error'), [])
  assert.is((await request(server.port, { path: '/healthz' })).statusCode, 200)
  socket.destroy()
  await server.stop()
})

test('nothing goes on for a scraper that has gone', async () => {
  const many = new Many(400_000)
  const server = await serve(many)
  const socket = await asksAndTakesNothing(server.port)
  await until(() => assert.ok(many.made > 200))
  socket.destroy()
  await until(() => assert.is(many.ended, 1))
  assert.ok(many.made < 200_000, `${many.made} lines were made`)
  assert.equal(server.logger.messages('warn', 'error'), [])
  await server.stop()
})

test('one that takes nothing holds up no other', async () => {
  const server = await serve(new Many(100_000))
  const socket = await asksAndTakesNothing(server.port)
  assert.ok((await bodyOf(await request(server.port))).length > 20_000_000)
  socket.destroy()
  await server.stop()
})

test('an answer that breaks off is no whole one', async () => {
  const server = await serve(new Many(50_000, 30_000))
  const error = await request(server.port)
    .then(bodyOf)
    .then(
      () => undefined,
      (thrown) => thrown,
    )
  assert.is(error?.code, 'ECONNRESET')
  assert.match(JSON.stringify(server.logger), /cannot answer \/metrics: nothing more is known/)
  await server.stop()
})

test.run()
