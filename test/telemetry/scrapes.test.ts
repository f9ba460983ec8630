import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Exposition } from '../../src/telemetry/families.ts'
import { HistogramTally } from '../../src/telemetry/histogram.ts'
import { instanceExposition } from '../../src/telemetry/instances.ts'
import { type ScalerFigures, ScalerTally } from '../../src/telemetry/scalers.ts'
import { Scrapes } from '../../src/telemetry/scrapes.ts'
import { RecordingLogger } from '../engine/harness.ts'
import { textOf, whole } from './text-of.ts'

/** Shows how often it was read, after a while. */
class Counted implements Exposition {
  reads = 0
  shown = 0
  fails = false
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  async prepare(): Promise<void> {
    this.shown = -1
    await new Promise((resolve) => setTimeout(resolve, 5))
    if (this.fails) throw new Error('no such thing')
    this.shown = ++this.reads
  }

  define(families: Parameters<Exposition['define']>[0]): void {
    families.gauge(this.#name, 'x', () => (this.shown < 0 ? [] : [{ labels: {}, value: this.shown }]))
  }
}

const linesOf = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))

test('no scrape shows what another is reading, or waits for what another shows', async () => {
  const [one, two] = [new Counted('one'), new Counted('two')]
  const scrapes = new Scrapes([one, two], new RecordingLogger())
  const first = await scrapes.read()
  const all = [undefined, ['one'], ['two', 'nothing', 'two']].map((names) => textOf(scrapes, names))
  assert.equal((await Promise.all(all)).map(linesOf), [['one 2', 'two 2'], ['one 3'], ['two 3']])
  assert.equal(linesOf(await whole(first.pieces)), ['one 1', 'two 1'])
})

test('what cannot be read is said, and keeps nothing else from being shown', async () => {
  const [one, two] = [new Counted('one'), new Counted('two')]
  const logger = new RecordingLogger()
  const scrapes = new Scrapes([one, two], logger)
  one.fails = true
  assert.equal(linesOf(await textOf(scrapes)), ['two 1'])
  assert.match(JSON.stringify(logger), /some metrics cannot be read: no such thing/)
  one.fails = false
  assert.equal(linesOf(await textOf(scrapes)), ['one 1', 'two 2'])
})

test('what hangs is left out in time', async () => {
  const [one, two] = [new Counted('one'), new Counted('two')]
  const logger = new RecordingLogger()
  const scrapes = new Scrapes([one, two], logger)
  const stuck = { prepare: () => new Promise<void>(() => {}) }
  Object.assign(one, stuck)
  one.shown = -1
  const startedMs = performance.now()
  assert.equal(linesOf(await textOf(scrapes)), ['two 1'])
  assert.ok(performance.now() - startedMs < 4_000)
  assert.match(JSON.stringify(logger), /not read within 2 s/)
})

test('an instance is shown with what is known of it', async () => {
  const tally = new HistogramTally([0.1, 1])
  tally.observeMs(50)
  const about = { namespace: 'shop', service: 'web', probes: [] }
  const exposition = instanceExposition('alpha', async () => [
    { ...about, instance: 'a', ready: false, restarts: 0 },
    {
      ...about,
      instance: 'b',
      ready: true,
      busy: false,
      restarts: 3,
      startedAtMs: 1_500,
      startupMs: 250,
      usage: { cpuMs: 1_250, memoryBytes: 7, readBytes: 8, writtenBytes: 9 },
      probes: [{ program: 'app', probe: 'readiness', tally }],
    },
  ])
  const text = await textOf(new Scrapes([exposition], new RecordingLogger()))
  const of = (instance: string) =>
    linesOf(text)
      .filter((line) => line.includes(`namespace="shop",service="web",instance="${instance}",node="alpha"`))
      .map((line) => line.replace(/namespace="shop",service="web",instance="\w",node="alpha",?/, ''))
  assert.equal(of('a'), ['nsctl_instance_restarts_total{} 0', 'nsctl_instance_ready{} 0'])
  assert.equal(of('b'), [
    'nsctl_instance_cpu_seconds_total{} 1.25',
    'nsctl_instance_memory_bytes{} 7',
    'nsctl_instance_io_read_bytes_total{} 8',
    'nsctl_instance_io_written_bytes_total{} 9',
    'nsctl_instance_restarts_total{} 3',
    'nsctl_instance_ready{} 1',
    'nsctl_instance_busy{} 0',
    'nsctl_instance_start_time_seconds{} 1.5',
    'nsctl_instance_startup_seconds{} 0.25',
    'nsctl_instance_probe_duration_seconds_bucket{program="app",probe="readiness",le="0.1"} 1',
    'nsctl_instance_probe_duration_seconds_bucket{program="app",probe="readiness",le="1"} 1',
    'nsctl_instance_probe_duration_seconds_bucket{program="app",probe="readiness",le="+Inf"} 1',
    'nsctl_instance_probe_duration_seconds_sum{program="app",probe="readiness"} 0.05',
    'nsctl_instance_probe_duration_seconds_count{program="app",probe="readiness"} 1',
  ])
})

test('a scaler is shown with its last decision, and no more once it is forgotten', async () => {
  const tally = new ScalerTally()
  const id = { kind: 'ScaledObject', namespace: 'default', name: 'web' }
  const figures: ScalerFigures = {
    from: 3,
    to: 5,
    active: true,
    fallback: false,
    triggers: [
      { key: 'queue', metric: '', value: 42, target: 10 },
      { key: 'cpu', metric: '', value: undefined, target: 70 },
    ],
    steps: [
      { step: 'triggers', to: 7 },
      { step: 'bounds', to: 5 },
    ],
  }
  tally.decided(id, figures, 2)
  tally.late(30)
  tally.polled(id, 'queue', 'redis', 4)
  tally.polled(id, 'cpu', 'cpu', 20, 'Unreachable')
  tally.polled(id, 'cpu', 'cpu', 20, 'Unreachable')
  const scrapes = new Scrapes([tally], new RecordingLogger())
  const read = async () => linesOf(await textOf(scrapes)).filter((line) => !line.includes('_bucket'))
  const labels = 'kind="ScaledObject",namespace="default",scaler="web"'
  assert.equal(await read(), [
    `nsctl_scaler_demand{${labels},trigger="queue",metric=""} 42`,
    `nsctl_scaler_target{${labels},trigger="queue",metric=""} 10`,
    `nsctl_scaler_target{${labels},trigger="cpu",metric=""} 70`,
    `nsctl_scaler_replicas{${labels}} 3`,
    `nsctl_scaler_desired_replicas{${labels}} 5`,
    `nsctl_scaler_ready_replicas{${labels}} 2`,
    `nsctl_scaler_active{${labels}} 1`,
    `nsctl_scaler_fallback{${labels}} 0`,
    `nsctl_scaler_step_replicas{${labels},step="triggers"} 7`,
    `nsctl_scaler_step_replicas{${labels},step="bounds"} 5`,
    `nsctl_scaler_decisions_total{${labels},direction="up"} 1`,
    `nsctl_scaler_decisions_total{${labels},direction="down"} 0`,
    `nsctl_scaler_decisions_total{${labels},direction="none"} 0`,
    `nsctl_scaler_poll_errors_total{${labels},trigger="cpu",code="Unreachable"} 2`,
    'nsctl_scaler_poll_delay_seconds_sum 0.03',
    'nsctl_scaler_poll_delay_seconds_count 1',
    'nsctl_scaler_poll_duration_seconds_sum{type="redis"} 0.004',
    'nsctl_scaler_poll_duration_seconds_count{type="redis"} 1',
    'nsctl_scaler_poll_duration_seconds_sum{type="cpu"} 0.04',
    'nsctl_scaler_poll_duration_seconds_count{type="cpu"} 2',
  ])
  tally.forget(id)
  assert.equal(
    (await read()).filter((line) => line.includes('scaler="web"')),
    [],
  )
})

test.run()
