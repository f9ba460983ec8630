import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { triggerSchema } from '../../../src/resources/triggers/index.ts'
import { readTrigger } from '../../../src/resources/triggers/read.ts'
import type { Source, WorkloadInstance } from '../../../src/scaling/source.ts'
import { metricsApi } from '../../../src/scaling/sources/metrics-api.ts'
import { type Script, type ScriptedServer, startScripted } from '../../lab/scripted-http.ts'
import { sourceContext, triggerConfig, type WatchedContext } from './double.ts'
import { givenWorkloads } from './workloads.ts'

const test = suite('metrics-api of instances')
const servers: ScriptedServer[] = []
let instances: WorkloadInstance[] = []
let context: WatchedContext
let asked: unknown[] = []
const sources: Source[] = []

test.before.each(() => {
  asked = []
  context = sourceContext({
    workloads: {
      ...givenWorkloads([]),
      instances(service) {
        asked.push(service)
        return instances
      },
    },
  })
})
test.after.each(async () => {
  for (const source of sources.splice(0)) await source.close()
  context.http.close()
  for (const server of servers.splice(0)) await server.stop()
})

const says =
  (value: number): Script =>
  () => ({ body: JSON.stringify({ waiting: value }) })

async function start(scripts: readonly Script[], ready: (at: number) => boolean = () => true): Promise<void> {
  for (const server of servers.splice(0)) await server.stop()
  for (const script of scripts) servers.push(await startScripted(script))
  instances = servers.map(({ port }, i) => ({
    name: `web-${i}`,
    labels: {},
    phase: 'running',
    ready: ready(i),
    node: 'n',
    address: '127.0.0.1',
    ports: { http: port, admin: 1 },
  }))
}

function open(metadata: Record<string, string> = {}): Source {
  const spec = {
    type: 'metrics-api',
    metadata: {
      url: 'http://web.shop.svc:8080/stats?x=1',
      valueLocation: 'waiting',
      targetValue: '5',
      aggregateFromKubeServiceEndpoints: 'true',
      ...metadata,
    },
  }
  const schema = triggerSchema('metrics-api')
  if (schema === undefined) throw new Error('there is no metrics-api')
  const { parameters, issues } = readTrigger(schema, spec)
  assert.equal(issues, [])
  const source = metricsApi.open({ ...triggerConfig(spec), parameters }, context)
  sources.push(source)
  return source
}

const numberOf = (source: Source) =>
  source.measure(AbortSignal.timeout(5_000)).then(
    (reading) => (reading.kind === 'values' ? reading.metrics[0]?.value : undefined),
    (error) => {
      assert.ok(isNsctlError(error), String(error))
      return error.code
    },
  )

for (const [aggregationType, want] of [
  ['average', 4],
  ['sum', 12],
  ['min', 1],
  ['max', 9],
] as const)
  test(`${aggregationType} of the instances that are ready`, async () => {
    await start([says(1), says(9), says(2), says(100)], (i) => i < 3)
    assert.is(await numberOf(open({ aggregationType })), want)
    assert.equal(asked.at(-1), { namespace: 'shop', name: 'web' })
    assert.is(servers[0]?.requests[0]?.url.pathname, '/stats')
    assert.is(servers[3]?.requests.length, 0)
  })

test('an instance that does not answer is left out of a mean, and a sum is not known without it', async () => {
  const broken: Script = () => ({ status: 500 })
  await start([says(4), broken, says(8)])
  assert.is(await numberOf(open()), 6)
  assert.is(await numberOf(open({ aggregationType: 'sum' })), 'Unreachable')
})

test('no work among those that answer is not no work', async () => {
  await start([says(0), () => 'reset'])
  assert.is(await numberOf(open()), 'Unreachable')
  await start([says(0), says(0)])
  assert.is(await numberOf(open()), 0)
})

test('without an instance that is ready, or that answers, nothing is known', async () => {
  await start([says(4)], () => false)
  assert.is(await numberOf(open()), 'Unreachable')
  await start([() => ({ body: '{}' })])
  assert.is(await numberOf(open()), 'Unreachable')
})

test('instances that come and go are asked as they are', async () => {
  await start([says(4), says(8)])
  const source = open()
  assert.is(await numberOf(source), 6)
  instances = instances.slice(1)
  assert.is(await numberOf(source), 8)
})

test('the port is the one of the URL, the only one, or http', async () => {
  await start([says(4)])
  const [one] = instances as [WorkloadInstance]
  const port = one.ports.http ?? 0
  const source = open({ url: `http://web.shop:${port}/` })
  for (const [ports, want] of [
    [{ metrics: port, http: 1 }, 4],
    [{ anything: port }, 4],
    [{ http: port, admin: 1 }, 4],
    [{ a: 1, b: 2 }, 'Unreachable'],
    [{}, 'Unreachable'],
  ] as [Record<string, number>, unknown][]) {
    instances = [{ ...one, ports }]
    const measured = await numberOf(source).catch((error) => error.code)
    if (want === 'Unreachable') assert.ok(['Unreachable', 'Invalid'].includes(String(measured)))
    else assert.is(measured, want)
  }
})

for (const url of ['http://web/stats', 'http://127.0.0.1:8080/'])
  test(`${url} names no Service with its namespace`, () => {
    assert.throws(
      () => open({ url }),
      (error: unknown) => isNsctlError(error, 'Invalid') && error.value === 'url',
    )
  })

test.run()
