import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError, NsctlError } from '../../src/core/errors.ts'
import { WritableCache } from '../../src/engine/cache.ts'
import { CachedWorkloads } from '../../src/main/workloads.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import type { NodeScraper } from '../../src/telemetry/scrape/scraper.ts'

type Usage = NodeScraper['usage']

function stage() {
  const cache = new WritableCache((error) => {
    throw error
  })
  for (const kind of ['Service', 'Instance', 'Node']) cache.addKind(kind)
  const kept: ReadonlySet<string>[] = []
  const asked: {
    readonly node: string
    readonly places: readonly string[]
    readonly keys: readonly string[]
  }[] = []
  const failing = new Set<string>()
  const usage: Usage = async ({ node, places }, _resource, keys) => {
    asked.push({ node, places, keys })
    if (failing.has(node)) throw new NsctlError('Unreachable', `${node} is gone`)
    return new Map(keys.filter((key) => !key.endsWith('silent')).map((key) => [key, SAMPLE]))
  }
  const workloads = new CachedWorkloads(cache, { usage, keep: (nodes) => kept.push(nodes) })
  const put = (kind: string, name: string, rest: object, namespace?: string) => {
    const object = {
      kind,
      metadata: { name, ...(namespace && { namespace }) },
      ...rest,
    } as unknown as AnyResource
    const ref = namespace === undefined ? { kind, name } : { kind, namespace, name }
    cache.apply([{ kind: 'put', ref, object }], 1)
  }
  const node = (name: string, status: object) => put('Node', name, { status })
  const instance = (name: string, on: string, status: object, service = 'web', namespace = 'default') =>
    put('Instance', name, { spec: { service, node: on }, status }, namespace)
  return { workloads, asked, kept, failing, node, instance, put }
}

const SAMPLE = { value: 5, atMs: 1, windowMs: 15_000 }
const WEB = { namespace: 'default', name: 'web' }
const signal = new AbortController().signal
const RUNNING = { phase: 'Running', ready: true }

test('what is on a node that is lost is none of them', () => {
  const { workloads, node, instance } = stage()
  const ready = { type: 'Ready', status: 'Unknown', lastTransitionTime: '2026-01-01T00:00:00Z' }
  node('alpha', { phase: 'NotReady', conditions: [{ ...ready, reason: 'NodeLost' }] })
  node('beta', { phase: 'NotReady', conditions: [{ ...ready, reason: 'NodeSilent' }] })
  instance('web-0', 'alpha', RUNNING)
  instance('web-1', 'beta', RUNNING)
  assert.equal(
    workloads.instances(WEB).map(({ name }) => name),
    ['web-1'],
  )
})

test('knows the instances of a Service, and those of a namespace', () => {
  const { workloads, node, instance, put } = stage()
  node('alpha', { addresses: ['10.0.0.1'] })
  instance('web-0', 'alpha', { ...RUNNING, ports: [{ name: 'http', port: 20_000 }] })
  instance('web-1', 'beta', { phase: 'Starting' })
  instance('queue-0', 'alpha', { phase: 'Failed' }, 'queue')
  instance('web-9', 'alpha', RUNNING, 'web', 'other')
  put('Service', 'web', {}, 'default')
  const common = { labels: {} }
  assert.equal(
    [...workloads.instances(WEB)].sort((a, b) => (a.name < b.name ? -1 : 1)),
    [
      {
        ...common,
        name: 'web-0',
        phase: 'running',
        ready: true,
        node: 'alpha',
        address: '10.0.0.1',
        ports: { http: 20_000 },
      },
      {
        ...common,
        name: 'web-1',
        phase: 'pending',
        ready: false,
        node: 'beta',
        address: '127.0.0.1',
        ports: {},
      },
    ],
  )
  const names = workloads.inNamespace('default').map(({ name, phase }) => `${name} ${phase}`)
  assert.equal(names.sort(), ['queue-0 failed', 'web-0 running', 'web-1 pending'])
  assert.equal([workloads.exists(WEB), workloads.exists({ ...WEB, namespace: 'other' })], [true, false])
})

test('asks each node once for what its instances use; what it does not tell is missing', async () => {
  const { workloads, asked, kept, node, instance } = stage()
  node('alpha', { metricsUrl: 'http://127.0.0.1:1/metrics' })
  node('beta', { metricsUrl: 'http://127.0.0.1:2/metrics' })
  for (const [name, on] of [
    ['web-0', 'alpha'],
    ['web-silent', 'alpha'],
    ['web-2', 'beta'],
  ] as const)
    instance(name, on, RUNNING)
  instance('web-3', 'alpha', { phase: 'Pending' })
  const samples = await workloads.usage(WEB, 'cpu', signal)
  assert.equal(
    [...samples].sort((a, b) => (a.instance < b.instance ? -1 : 1)),
    [
      { instance: 'web-0', ...SAMPLE },
      { instance: 'web-2', ...SAMPLE },
    ],
  )
  assert.equal(
    asked.map(({ node, places, keys }) => [node, ...places, [...keys].sort()]),
    [
      ['alpha', 'http://127.0.0.1:1/metrics', ['default/web-0', 'default/web-silent']],
      ['beta', 'http://127.0.0.1:2/metrics', ['default/web-2']],
    ],
  )
  assert.equal([...(kept[0] ?? [])].sort(), ['alpha', 'beta'])
})

test('goes on without a node that does not answer, and rejects without all', async () => {
  const { workloads, failing, node, instance } = stage()
  node('alpha', { metricsUrl: 'http://127.0.0.1:1/metrics' })
  node('beta', {})
  instance('web-0', 'alpha', RUNNING)
  instance('web-1', 'beta', RUNNING)
  assert.equal(
    (await workloads.usage(WEB, 'cpu', signal)).map(({ instance }) => instance),
    ['web-0'],
  )
  failing.add('alpha')
  const error = await workloads.usage(WEB, 'cpu', signal).catch((thrown) => thrown)
  assert.ok(isNsctlError(error, 'Unreachable'), `${error}`)
})

test('nothing that runs uses nothing, and nobody is asked', async () => {
  const { workloads, asked, instance } = stage()
  instance('web-0', 'alpha', { phase: 'Pending' })
  assert.equal(await workloads.usage(WEB, 'memory', signal), [])
  assert.equal(asked, [])
})

test('a node that serves no metrics is said by its name', async () => {
  const { workloads, instance, node } = stage()
  node('alpha', {})
  instance('web-0', 'alpha', RUNNING)
  const error = await workloads.usage(WEB, 'io', signal).catch((thrown) => thrown)
  assert.match(error.message, 'node alpha serves no metrics')
})

test.run()
