import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import client from 'prom-client'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import { latencyTrigger } from '../../../src/resources/triggers/latency.ts'
import type { Source, ValueReading } from '../../../src/scaling/source.ts'
import { latency } from '../../../src/scaling/sources/latency.ts'
import { sourceContext, triggerConfig } from './double.ts'
import { type GivenInstance, givenWorkloads } from './workloads.ts'

/** One instance, with a histogram of its own. */
interface Program {
  readonly instance: GivenInstance
  readonly server: Server
  answer: () => Promise<string>
  observe(seconds: number, times: number, labels?: Readonly<Record<string, string>>): void
}

async function started(name = 'http_request_duration_seconds'): Promise<Program> {
  const registry = new client.Registry()
  const buckets = [0.1, 0.2, 0.4, 0.8]
  const histogram = new client.Histogram({
    name,
    help: name,
    buckets,
    labelNames: ['handler'],
    registers: [registry],
  })
  const program: Program = {
    server: createServer((_, response) => {
      program.answer().then(
        (text) => response.end(text),
        () => response.writeHead(500).end(),
      )
    }),
    get instance() {
      const { port } = program.server.address() as AddressInfo
      return { service: 'web', ports: { http: port } }
    },
    answer: () => registry.metrics(),
    observe(seconds, times, labels = { handler: '/' }) {
      for (let i = 0; i < times; i++) histogram.observe(labels, seconds)
    },
  }
  await new Promise<void>((resolve) => program.server.listen(0, '127.0.0.1', resolve))
  return program
}

interface Bench {
  readonly source: Source
  readonly clock: ManualClock
  readonly instances: GivenInstance[]
  readonly programs: readonly Program[]
  /** Rounded to milliseconds. */
  measure(): Promise<{ readonly value: number; readonly active: boolean }>
}

async function bench(
  metadata: Readonly<Record<string, string>>,
  run: (bench: Bench) => Promise<void>,
  count = 1,
): Promise<void> {
  const programs = await Promise.all(Array.from({ length: count }, () => started()))
  const instances = programs.map(({ instance }) => instance)
  const clock = new ManualClock()
  const context = sourceContext({ clock, workloads: givenWorkloads(instances) })
  const source = latency.open(triggerConfig({ type: 'latency', metadata }, latencyTrigger), context)
  const measure = async () => {
    const { metrics, active } = (await source.measure(AbortSignal.timeout(5_000))) as ValueReading
    return { value: Math.round((metrics[0]?.value ?? Number.NaN) * 1_000) / 1_000, active }
  }
  try {
    await run({ source, clock, instances, programs, measure })
  } finally {
    await source.close()
    context.http.close()
    for (const { server } of programs) {
      server.close()
      server.closeAllConnections()
    }
  }
}

const failure = async (bench: Bench) => {
  const error = await bench.measure().catch((thrown) => thrown)
  assert.ok(isNsctlError(error), `${error}`)
  return error
}

test('is of the requests of the window, over all instances, and not of those before', () =>
  bench(
    { value: '0.25', percentile: '50', window: '30s' },
    async ({ measure, programs: [a, b], clock }) => {
      a?.observe(0.7, 1_000)
      assert.equal(await measure(), { value: 0, active: false }, 'what was before the first look')
      a?.observe(0.15, 10)
      b?.observe(0.3, 10)
      clock.advance(10_000)
      assert.equal(await measure(), { value: 0.2, active: true })
      clock.advance(30_000)
      assert.equal(await measure(), { value: 0, active: false }, 'the window has gone on')
    },
    2,
  ))

test('takes the percentile and the labels that are asked for', () =>
  bench({ value: '1', percentile: '90', labels: 'handler=/slow' }, async ({ measure, programs: [a] }) => {
    await measure()
    a?.observe(0.05, 1_000)
    a?.observe(0.3, 100, { handler: '/slow' })
    assert.equal(await measure(), { value: 0.38, active: true })
  }))

test('an instance that begins anew, and one that is new, count with what they have since', () =>
  bench({ value: '1', percentile: '50' }, async ({ measure, programs: [a], instances }) => {
    a?.observe(0.7, 50)
    await measure()
    const text = (await a?.answer()) ?? ''
    if (a !== undefined) a.answer = async () => text.replaceAll(/ 50$/gm, ' 10')
    assert.equal(await measure(), { value: 0.6, active: true })
    const other = await started()
    other.observe(0.05, 1_000)
    instances.push(other.instance)
    assert.equal((await measure()).value, 0.6, 'its past is not known')
    other.observe(0.05, 1_000)
    assert.ok((await measure()).value < 0.2)
    other.server.close()
    other.server.closeAllConnections()
  }))

test('goes on without an instance that does not answer, and not without all', () =>
  bench(
    { value: '1', percentile: '50' },
    async (one) => {
      const [a, b] = one.programs
      await one.measure()
      a?.observe(0.15, 10)
      if (b !== undefined) b.answer = async () => Promise.reject(new Error('broken'))
      assert.equal((await one.measure()).value, 0.15)
      if (a !== undefined) a.answer = async () => Promise.reject(new Error('broken'))
      assert.is((await failure(one)).code, 'Unreachable')
    },
    2,
  ))

test('0 instances serve no requests; instances that are not ready are no reason to have fewer', () =>
  bench({ value: '1' }, async (one) => {
    await one.measure()
    one.instances[0] = { ...one.instances[0]!, ready: false }
    assert.is((await failure(one)).code, 'Unreachable')
    one.instances.length = 0
    assert.equal(await one.measure(), { value: 0, active: false })
  }))

for (const c of [
  { name: 'no such histogram', answer: 'up 1\n', want: /no histogram http_request/ },
  { name: 'nothing that is metrics', answer: '<html>', want: /no histogram/ },
  { name: 'more than a mebibyte', answer: `# ${'x'.repeat(2 ** 20)}\n`, want: /more than 1 MiB/ },
  {
    name: 'a histogram without an end',
    answer: 'http_request_duration_seconds_bucket{le="1"} 5\n',
    later: 'http_request_duration_seconds_bucket{le="1"} 9\n',
    want: /no buckets up to \+Inf/,
  },
])
  test(`is an error: ${c.name}`, () =>
    bench({ value: '1' }, async (one) => {
      const [program] = one.programs
      let asked = 0
      if (program !== undefined)
        program.answer = async () => (asked++ === 0 ? c.answer : (c.later ?? c.answer))
      const error = await failure(one)
      assert.is(error.code, 'Invalid')
      assert.match(error.message, c.want)
    }))

test('a histogram that has no requests yet is 0', () =>
  bench({ value: '1' }, async (one) => {
    const [program] = one.programs
    if (program !== undefined) program.answer = async () => '# TYPE http_request_duration_seconds histogram\n'
    assert.equal(await one.measure(), { value: 0, active: false })
  }))

test('refuses a port that the instances do not have', () =>
  bench({ value: '1', port: 'metrics' }, async (one) => {
    const error = await failure(one)
    assert.is(error.code, 'Invalid')
    assert.is(error.value, 'port')
  }))

test('ends with its signal and when it is closed', () =>
  bench({ value: '1' }, async ({ source, programs: [program] }) => {
    if (program !== undefined) program.answer = () => new Promise(() => {})
    const startedMs = performance.now()
    await source.measure(AbortSignal.timeout(100)).then(
      () => assert.unreachable(),
      () => {},
    )
    const open = source.measure(AbortSignal.timeout(5_000)).catch((error) => error)
    setTimeout(() => void source.close(), 50)
    assert.ok(isNsctlError(await open, 'Unreachable'))
    assert.ok(performance.now() - startedMs < 1_000)
  }))

test.run()
