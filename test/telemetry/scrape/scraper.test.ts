import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import { isNsctlError, NsctlError } from '../../../src/core/errors.ts'
import { metricsFetcher } from '../../../src/telemetry/scrape/fetch.ts'
import { readCounts } from '../../../src/telemetry/scrape/sample.ts'
import { NodeScraper, type Resource } from '../../../src/telemetry/scrape/scraper.ts'

interface Said {
  cpu?: number
  memory?: number
  read?: number
  written?: number
  started?: number
}

/** A node, with what it says of its instances. */
class FakeNode {
  readonly clock = new ManualClock()
  readonly said = new Map<string, Said>()
  fetches = 0
  fails: unknown
  readonly scraper: NodeScraper

  constructor() {
    const { clock } = this
    this.scraper = new NodeScraper({ clock, steadyMs: () => clock.monotonic(), fetch: () => this.#fetch() })
  }

  async #fetch(): Promise<string> {
    this.fetches++
    if (this.fails !== undefined) throw this.fails
    const lines: string[] = []
    for (const [instance, { cpu, memory, read, written, started }] of this.said) {
      const labels = `{namespace="default",service="web",instance="${instance}",node="alpha"}`
      const say = (name: string, value: number | undefined) =>
        value === undefined || lines.push(`nsctl_instance_${name}${labels} ${value}`)
      say('cpu_seconds_total', cpu)
      say('memory_bytes', memory)
      say('io_read_bytes_total', read)
      say('io_written_bytes_total', written)
      say('start_time_seconds', started)
    }
    return lines.join('\n')
  }

  /** Time goes on while it waits. */
  async usage(resource: Resource, signal = new AbortController().signal) {
    const keys = ['gone', ...this.said.keys()].map((name) => `default/${name}`)
    const target = { node: 'alpha', places: ['http://127.0.0.1:1/metrics'] }
    const asked = this.scraper.usage(target, resource, keys, signal)
    let done = false
    asked
      .finally(() => {
        done = true
      })
      .catch(() => {})
    while (!done) {
      await new Promise((resolve) => setImmediate(resolve))
      if (!done) this.clock.advance(10)
    }
    return Object.fromEntries(
      Array.from(await asked, ([key, { value, windowMs }]) => [key.split('/')[1], { value, windowMs }]),
    )
  }
}

test('memory takes one look, which serves all who ask within a second', async () => {
  const node = new FakeNode()
  node.said.set('web-0', { memory: 100 }).set('web-1', { memory: 200 })
  const want = { 'web-0': { value: 100, windowMs: 0 }, 'web-1': { value: 200, windowMs: 0 } }
  const [one, two] = await Promise.all([node.usage('memory'), node.usage('memory')])
  assert.equal(one, want)
  assert.equal(two, want)
  node.clock.advance(500)
  assert.equal(await node.usage('memory'), want)
  assert.is(node.fetches, 1)
  node.clock.advance(600)
  await node.usage('memory')
  assert.is(node.fetches, 2)
})

test('a rate waits for its second look once, and is of the window then', async () => {
  const node = new FakeNode()
  node.said.set('web-0', { cpu: 1_000, started: 1 })
  assert.equal(Object.keys(await node.usage('cpu')), ['web-0'])
  assert.is(node.fetches, 2)
  for (const cpu of [1_005, 1_010, 1_015]) {
    node.said.set('web-0', { cpu, started: 1 })
    node.clock.advance(10_000)
    await node.usage('cpu')
  }
  assert.is(node.fetches, 5)
  node.said.set('web-0', { cpu: 1_025, started: 1 })
  node.clock.advance(10_000)
  const { value, windowMs } = (await node.usage('cpu'))['web-0']!
  assert.ok(Math.abs(value - 750) < 5, `${value}: 15 s of CPU in 20 s`)
  assert.ok(windowMs >= 20_000 && windowMs < 20_100, `${windowMs}`)
})

test('io adds what is read and written', async () => {
  const node = new FakeNode()
  node.said.set('web-0', { read: 1_000, written: 500 }).set('web-1', {})
  await node.usage('io')
  node.said.set('web-0', { read: 11_000, written: 5_500 })
  node.clock.advance(10_000)
  const usage = await node.usage('io')
  assert.ok(Math.abs(usage['web-0']!.value - 1_350) < 20, `${usage['web-0']!.value}`)
  assert.is(usage['web-1'], undefined, 'what is not told is missing')
})

test('one that is new counts from its start, and one that was there untold has to wait', async () => {
  const node = new FakeNode()
  node.said.set('old', { cpu: 5, started: 1 })
  await node.usage('cpu')
  node.clock.advance(10_000)
  const nowSeconds = node.clock.now() / 1_000
  node.said.set('new', { cpu: 2, started: nowSeconds - 4 })
  node.said.set('untold', { cpu: 500, started: nowSeconds - 3_600 })
  node.said.set('newest', { cpu: 0.1, started: nowSeconds - 0.2 })
  const usage = await node.usage('cpu')
  assert.equal(Object.keys(usage).sort(), ['new', 'old'])
  assert.ok(Math.abs(usage.new!.value - 500) < 5, `${usage.new!.value}`)
})

test('a count that goes back has no rate until it is seen twice', async () => {
  const node = new FakeNode()
  node.said.set('web-0', { cpu: 500, started: 1 })
  await node.usage('cpu')
  node.said.set('web-0', { cpu: 3, started: 1 })
  node.clock.advance(20_000)
  assert.equal(await node.usage('cpu'), {})
  node.clock.advance(20_000)
  node.said.set('web-0', { cpu: 13, started: 1 })
  assert.is(Math.round((await node.usage('cpu'))['web-0']!.value), 500)
})

test('what was seen long ago says nothing about now', async () => {
  const node = new FakeNode()
  node.said.set('web-0', { cpu: 500, started: 1 })
  await node.usage('cpu')
  node.clock.advance(3_600_000)
  node.said.set('web-0', { cpu: 600, started: 1 })
  const { windowMs } = (await node.usage('cpu'))['web-0']!
  assert.ok(windowMs < 2_000, `${windowMs}`)
})

test('a node that fails rejects, and the next look may succeed', async () => {
  const node = new FakeNode()
  node.said.set('web-0', { memory: 1 })
  node.fails = new NsctlError('Unreachable', 'refused')
  const error = await node.usage('memory').catch((thrown) => thrown)
  assert.ok(isNsctlError(error, 'Unreachable'))
  node.fails = undefined
  assert.equal(Object.keys(await node.usage('memory')), ['web-0'])
})

test('a caller that gives up leaves the look to the others', async () => {
  const node = new FakeNode()
  node.said.set('web-0', { memory: 1 })
  const stop = new AbortController()
  const first = node.usage('memory', stop.signal).catch((thrown) => thrown)
  const second = node.usage('memory')
  stop.abort(new Error('enough'))
  assert.is((await first).message, 'enough')
  assert.equal(Object.keys(await second), ['web-0'])
  assert.is(node.fetches, 1)
})

test('what another node says, or nobody can have said, is left out', () => {
  const text = [
    'nsctl_instance_memory_bytes{namespace="a",service="s",instance="mine",node="alpha"} 1',
    'nsctl_instance_memory_bytes{namespace="a",service="s",instance="foreign",node="beta"} 1',
    'nsctl_instance_memory_bytes{namespace="a",service="s",instance="nan",node="alpha"} NaN',
    'nsctl_instance_memory_bytes{namespace="a",service="s",instance="negative",node="alpha"} -1',
    'nsctl_instance_memory_bytes{service="s",node="alpha"} 1',
    'toString{namespace="a",service="s",instance="odd",node="alpha"} 1',
  ].join('\n')
  assert.equal([...readCounts(text, 'alpha').keys()], ['a/mine'])
})

for (const c of [
  { name: 'a status', answer: { status: 503, body: '' }, want: /the answer is 503/ },
  {
    name: 'more than the limit',
    answer: { status: 200, body: 'x'.repeat(3_000_000) },
    want: /more than 1 MiB/,
  },
  { name: 'a line that breaks', answer: undefined, want: /cannot be read/ },
])
  test(`fetching rejects with Unreachable for ${c.name}`, async () => {
    const server = createServer((_, response) => {
      if (c.answer === undefined) response.destroy()
      else response.writeHead(c.answer.status).end(c.answer.body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const fetcher = metricsFetcher(2 ** 20)
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`
    const error = await fetcher.fetch(url, [], AbortSignal.timeout(5_000)).catch((thrown) => thrown)
    fetcher.close()
    server.close()
    server.closeAllConnections()
    assert.ok(isNsctlError(error, 'Unreachable'), `${error}`)
    assert.match(error.message, c.want)
  })

test('fetching rejects with the signal’s reason', async () => {
  const server = createServer(() => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const fetcher = metricsFetcher()
  const stop = new AbortController()
  const asked = fetcher.fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, [], stop.signal)
  setTimeout(() => stop.abort(new Error('enough')), 30)
  assert.is((await asked.catch((thrown) => thrown)).message, 'enough')
  fetcher.close()
  server.close()
  server.closeAllConnections()
})

test.run()
