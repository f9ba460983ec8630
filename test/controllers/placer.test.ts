import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { frees, keepsAwayAsBefore, Placer } from '../../src/controllers/placer.ts'
import { WritableCache } from '../../src/engine/cache.ts'
import type { Batch } from '../../src/placement/placement.ts'
import type { AnyResource } from '../../src/resources/object.ts'

const GIB = 2 ** 30

function world() {
  const cache = new WritableCache((error) => assert.unreachable(String(error)))
  for (const kind of ['Node', 'Instance', 'Service', 'Job', 'PriorityClass']) cache.addKind(kind)
  let nowMs = 0
  let revision = 0
  const placer = new Placer({ cache, clock: { monotonic: () => nowMs } })
  const put = (object: AnyResource) => {
    const { kind, metadata } = object
    const { namespace, name } = metadata
    cache.apply([{ kind: 'put', ref: { kind, ...(namespace && { namespace }), name }, object }], ++revision)
  }
  return {
    placer,
    put,
    pass: (ms: number) => {
      nowMs += ms
    },
    gone: (kind: string, name: string) =>
      cache.apply(
        [{ kind: 'delete', ref: { kind, ...(kind !== 'Node' && { namespace: 'default' }), name } }],
        ++revision,
      ),
    /** `web-0 → n1`, or why not. */
    ask: (service: string, name = `${service}-0`, more: Partial<Batch> = {}) => {
      const [one] = placer.place(askerOf(service), [{ ...batch(service, name), ...more }])
      return one !== undefined && 'node' in one ? one.node : one?.refusal.text
    },
  }
}

function askerOf(name: string) {
  return { kind: 'Service', namespace: 'default', name }
}

function batch(service: string, name: string): Batch {
  return {
    service: `default/${service}`,
    namespace: 'default',
    hash: 'h1',
    needs: { cpuMillis: 0, memoryBytes: GIB, ports: [] },
    rule: undefined,
    withSecrets: false,
    seats: [{ id: `default/${name}` }],
  }
}

function node(name: string): AnyResource {
  const status = { phase: 'Ready', capacity: { cpu: '4', memory: '1Gi' } }
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Node',
    metadata: { name },
    spec: {},
    status,
  } as AnyResource
}

function instance(name: string, on: string, more: object = {}): AnyResource {
  const template = { source: { command: ['x'] }, resources: { memory: '1Gi' } }
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Instance',
    metadata: { name, namespace: 'default' },
    spec: { service: name.slice(0, -2), ordinal: 0, node: on, templateHash: 'h1', attempt: 0, template },
    ...more,
  } as AnyResource
}

const FULL = '0/1 nodes: 1 lacks memory'

test('what was decided counts before the cache has it', () => {
  const { ask, put } = world()
  put(node('n1'))
  assert.is(ask('web'), 'n1')
  assert.is(ask('api'), FULL)
  assert.is(ask('web'), 'n1', 'the same is asked again, and is there already')
})

test('what was not made after all is room again', () => {
  const { ask, put, placer } = world()
  put(node('n1'))
  ask('web')
  placer.retract(['default/web-0'])
  assert.is(ask('api'), 'n1')
})

test('what the cache has is not taken back', () => {
  const { ask, put, placer } = world()
  put(node('n1'))
  ask('web')
  put(instance('web-0', 'n1'))
  placer.retract(['default/web-0'])
  assert.is(ask('api'), FULL)
})

test('what is never heard of is forgotten in time, and not what was', () => {
  const { ask, put, pass, gone } = world()
  put(node('n1'))
  ask('web')
  pass(59_000)
  assert.is(ask('api'), FULL)
  pass(2_000)
  assert.is(ask('api'), 'n1')
  put(instance('api-0', 'n1'))
  pass(120_000)
  assert.is(ask('web'), FULL)
  gone('Instance', 'api-0')
  assert.is(ask('web'), 'n1')
})

test('what the store says goes before what was decided', () => {
  const { ask, put } = world()
  put(node('n1'))
  assert.is(ask('web'), 'n1')
  put(node('n2'))
  put(instance('web-0', 'n2'))
  assert.is(ask('api'), 'n1')
  assert.is(ask('web'), 'n2')
})

test('a node that is gone takes nothing', () => {
  const { ask, put, gone } = world()
  put(node('n1'))
  assert.is(ask('web'), 'n1')
  put(node('n2'))
  gone('Node', 'n2')
  assert.is(ask('api'), FULL)
})

test('remembers who waits until they have what they want or want nothing', () => {
  const { ask, put, placer, gone } = world()
  const names = () => placer.waiting('Service').map(({ name }) => name)
  assert.is(ask('web'), 'there is no node yet')
  ask('api')
  assert.equal(names(), ['web', 'api'])
  assert.equal(placer.waiting('Job'), [])
  put(node('n1'))
  ask('web')
  assert.equal(names(), ['api'])
  placer.place({ kind: 'Service', namespace: 'default', name: 'api' }, [{ ...batch('api', 'x'), seats: [] }])
  assert.equal(names(), [])
  gone('Node', 'n1')
})

test('a run that has ended needs nothing more', () => {
  const { ask, put } = world()
  const ended = { status: { phase: 'Succeeded' } }
  const run = instance('job-0', 'n1')
  const once = { ...run, spec: { ...(run.spec as object), restartPolicy: 'Never' } } as AnyResource
  put(node('n1'))
  put(once)
  assert.is(ask('web'), FULL)
  const after = { ...once, ...ended } as AnyResource
  put(after)
  assert.is(ask('web'), 'n1')
  assert.ok(frees(after, once))
  assert.not(frees(after, after))
  assert.ok(frees(once, undefined))
})

test('a service that keeps others away is one that they wait for', () => {
  const service = (antiAffinity?: object) =>
    ({
      kind: 'Service',
      metadata: { name: 'a' },
      spec: { placement: { antiAffinity } },
    }) as unknown as AnyResource
  assert.ok(keepsAwayAsBefore(service(), service()))
  assert.ok(keepsAwayAsBefore(service({}), undefined))
  assert.not(keepsAwayAsBefore(service(), service({})))
})

const ENDING = {
  metadata: { name: 'old-0', namespace: 'default', deletionTimestamp: '2026-01-01T00:00:00Z' },
}

test('what waits and is more important goes first, until it wants nothing any more', () => {
  const { ask, put, gone, placer } = world()
  put(node('n1'))
  put(instance('old-0', 'n1'))
  assert.is(ask('web', 'web-0', { priority: 5 }), FULL)
  assert.is(ask('batch'), FULL)
  assert.is(placer.isBehind(askerOf('batch')), false)
  assert.equal(
    placer.waiting('Service').map(({ name }) => name),
    ['web', 'batch'],
  )
  gone('Instance', 'old-0')
  assert.is(ask('batch'), FULL)
  assert.is(placer.isBehind(askerOf('batch')), true)
  placer.settle(askerOf('web'))
  assert.is(ask('batch'), 'n1')
  assert.is(placer.isBehind(askerOf('batch')), false)
})

test('room that is being made is kept for whom it is made, and let go when that wants nothing', () => {
  const { ask, put, gone, placer } = world()
  put(node('n1'))
  put(instance('old-0', 'n1'))
  assert.is(ask('web', 'web-0', { priority: 5, preempts: true }), FULL)
  const nomination = { id: 'default/web-0', node: 'n1', victims: ['default/old-0'], ending: [] }
  assert.equal(placer.nominations(askerOf('web')), [nomination])
  put(instance('old-0', 'n1', ENDING))
  assert.is(ask('web', 'web-0', { priority: 5, preempts: true }), FULL)
  assert.equal(placer.nominations(askerOf('web')), [nomination], 'one end is enough')
  gone('Instance', 'old-0')
  // as important as what it is made for: it does not go behind it, and does not take its room
  assert.is(ask('other', 'other-0', { priority: 5 }), FULL)
  assert.is(ask('web', 'web-0', { priority: 5, preempts: true }), 'n1')
  assert.equal(placer.nominations(askerOf('web')), [])
})

test('what is told to go for one that wants nothing any more leaves its room to others', () => {
  const { ask, put, gone, placer } = world()
  put(node('n1'))
  put(instance('old-0', 'n1'))
  ask('web', 'web-0', { priority: 5, preempts: true })
  placer.settle(askerOf('web'))
  gone('Instance', 'old-0')
  assert.is(ask('batch'), 'n1')
})

test('room that another leader was making is kept as well', () => {
  const { ask, put } = world()
  put(node('n1'))
  const template = { source: { command: ['x'] }, resources: { memory: '1Gi' } }
  const metadata = { namespace: 'default', name: 'high' }
  put({
    apiVersion: 'v',
    kind: 'PriorityClass',
    metadata: { name: 'high' },
    spec: { value: 5 },
  } as AnyResource)
  put({
    ...{ apiVersion: 'v', kind: 'Service', metadata: { ...metadata, name: 'web' } },
    spec: { replicas: 1, template, placement: { priorityClassName: 'high' } },
    status: { nominations: [{ instance: 'web-0', node: 'n1' }] },
  } as unknown as AnyResource)
  assert.is(ask('batch'), FULL)
  assert.is(ask('web', 'web-0', { priority: 5, preempts: true }), 'n1')
})

test('a node that is lost makes no room: another is found', () => {
  const { ask, put, placer } = world()
  put(node('n1'))
  put(instance('old-0', 'n1'))
  ask('web', 'web-0', { priority: 5, preempts: true })
  put(node('n2'))
  put(instance('more-0', 'n2'))
  put({ ...node('n1'), status: { phase: 'NotReady', capacity: { cpu: '4', memory: '1Gi' } } } as AnyResource)
  ask('web', 'web-0', { priority: 5, preempts: true })
  assert.equal(
    placer.nominations(askerOf('web')).map(({ node, victims }) => [node, ...victims]),
    [['n2', 'default/more-0']],
  )
})

test.run()
