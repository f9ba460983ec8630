import client from 'prom-client'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NsctlError } from '../../src/core/errors.ts'
import { tallyExposition } from '../../src/engine/prometheus.ts'
import { EngineTally } from '../../src/engine/tally.ts'
import { metricsServer } from '../../src/telemetry/metrics-server.ts'
import { Scrapes } from '../../src/telemetry/scrapes.ts'
import { textOf as textOfScrape } from '../telemetry/text-of.ts'
import { RecordingLogger } from './harness.ts'

function filledTally(): EngineTally {
  const tally = new EngineTally()
  const queue = tally.queue('service', { depth: () => 3, runningMs: () => [1500, 250] })
  queue.added()
  queue.added()
  queue.taken(20)
  queue.done(0.5)
  queue.retried()
  const controller = tally.controller('service', { maxConcurrent: 4, active: () => 2 })
  controller.reconciled('success', 3)
  controller.reconciled('error', 7)
  controller.reconciled('requeue_after', 70_000)
  tally.leader('control-plane', true)
  return tally
}

async function textOf(tally: EngineTally): Promise<string> {
  const scrapes = new Scrapes([tallyExposition(tally)], new RecordingLogger())
  // collected twice: reading must not count
  await textOfScrape(scrapes)
  return await textOfScrape(scrapes)
}

test('shows every metric under the names of controller-runtime and client-go', async () => {
  const text = await textOf(filledTally())
  for (const line of [
    'workqueue_depth{name="service"} 3',
    'workqueue_adds_total{name="service"} 2',
    'workqueue_retries_total{name="service"} 1',
    'workqueue_unfinished_work_seconds{name="service"} 1.75',
    'workqueue_longest_running_processor_seconds{name="service"} 1.5',
    'workqueue_queue_duration_seconds_bucket{name="service",le="0.01"} 0',
    'workqueue_queue_duration_seconds_bucket{name="service",le="0.1"} 1',
    'workqueue_queue_duration_seconds_count{name="service"} 1',
    'workqueue_work_duration_seconds_bucket{name="service",le="0.001"} 1',
    'controller_runtime_reconcile_total{controller="service",result="success"} 1',
    'controller_runtime_reconcile_total{controller="service",result="requeue"} 0',
    'controller_runtime_reconcile_total{controller="service",result="requeue_after"} 1',
    'controller_runtime_reconcile_total{controller="service",result="error"} 1',
    'controller_runtime_reconcile_errors_total{controller="service"} 1',
    'controller_runtime_reconcile_time_seconds_bucket{controller="service",le="0.005"} 1',
    'controller_runtime_reconcile_time_seconds_bucket{controller="service",le="0.01"} 2',
    'controller_runtime_reconcile_time_seconds_bucket{controller="service",le="60"} 2',
    'controller_runtime_reconcile_time_seconds_bucket{controller="service",le="+Inf"} 3',
    'controller_runtime_reconcile_time_seconds_sum{controller="service"} 70.01',
    'controller_runtime_max_concurrent_reconciles{controller="service"} 4',
    'controller_runtime_active_workers{controller="service"} 2',
    'leader_election_master_status{name="control-plane"} 1',
  ]) {
    assert.ok(text.split('\n').includes(line), `missing: ${line}\n${text}`)
  }
})

test('a controller that is set up again goes on counting, with its new probe', async () => {
  const tally = filledTally()
  tally.queue('service', { depth: () => 9, runningMs: () => [] }).added()
  tally.leader('control-plane', false)
  const text = await textOf(tally)
  assert.match(text, /^workqueue_depth\{name="service"\} 9$/m)
  assert.match(text, /^workqueue_adds_total\{name="service"\} 3$/m)
  assert.match(text, /^workqueue_longest_running_processor_seconds\{name="service"\} 0$/m)
  assert.match(text, /^leader_election_master_status\{name="control-plane"\} 0$/m)
})

test("leaves prom-client's global registry alone", async () => {
  await textOf(filledTally())
  assert.equal(client.register.getMetricsAsArray(), [])
})

interface Served {
  readonly url: string
  readonly problems: string[]
  stop(): Promise<void>
}

async function served(): Promise<Served> {
  const abort = new AbortController()
  const problems: string[] = []
  const { promise, resolve } = Promise.withResolvers<number>()
  const running = metricsServer({
    expositions: [tallyExposition(filledTally())],
    port: 0,
    logger: new RecordingLogger(),
    problems: () => problems,
    onListening: resolve,
  }).run(abort.signal)
  const port = await promise
  const stop = () => {
    abort.abort()
    return running
  }
  return { url: `http://127.0.0.1:${port}`, problems, stop }
}

test('serves /metrics and /healthz until it is stopped', async () => {
  const server = await served()
  const metrics = await fetch(`${server.url}/metrics`)
  assert.is(metrics.status, 200)
  assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  assert.match(await metrics.text(), /^workqueue_depth\{name="service"\} 3$/m)

  const health = await fetch(`${server.url}/healthz`)
  assert.equal([health.status, await health.text()], [200, 'ok\n'])
  server.problems.push('the cache is not in sync')
  const ill = await fetch(`${server.url}/healthz?verbose`)
  assert.equal([ill.status, await ill.text()], [503, 'the cache is not in sync\n'])

  assert.is((await fetch(`${server.url}/`)).status, 404)
  assert.is((await fetch(`${server.url}/metrics`, { method: 'POST' })).status, 405)
  const head = await fetch(`${server.url}/healthz`, { method: 'HEAD' })
  assert.equal([head.status, await head.text()], [503, ''])

  await server.stop()
  assert.is(
    await fetch(server.url).then(
      () => 'answered',
      () => 'refused',
    ),
    'refused',
  )
})

test('shows some metrics where some are asked for, and what there is not is left out', async () => {
  const server = await served()
  const query = 'name[]=workqueue_depth&name%5B%5D=workqueue_adds_total&name[]=nothing'
  const text = await (await fetch(`${server.url}/metrics?${query}`)).text()
  const names = Array.from(text.matchAll(/^# TYPE (\w+)/gm), ([, name]) => name)
  assert.equal(names, ['workqueue_depth', 'workqueue_adds_total'])
  assert.match(text, /^workqueue_depth\{name="service"\} 3$/m)
  await server.stop()
})

test('a port that is taken is named', async () => {
  const server = await served()
  const port = Number(new URL(server.url).port)
  const second = metricsServer({ expositions: [], port, logger: new RecordingLogger() })
  const error: NsctlError = await second.run(new AbortController().signal).then(
    () => assert.unreachable() as never,
    (thrown) => thrown,
  )
  assert.is(error.code, 'Failed')
  assert.ok(error.message.startsWith(`cannot serve metrics on 127.0.0.1:${port}: `), error.message)
  assert.is(error.value, port)
  await server.stop()
})

test.run()
