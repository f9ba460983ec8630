/** What an agent has its load balancer do, and what it says of that. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createEdge, PASS } from '../../../src/agent/edge/controller.ts'
import { ManualClock } from '../../../src/core/clock.ts'
import type { Json } from '../../../src/core/json.ts'
import type { Logger } from '../../../src/core/logger.ts'
import type { Route, RouteStatus } from '../../../src/resources/generated/types.ts'
import { BalancerError, type Route as Led } from '../../../src/traffic/balancer.ts'

const signal = AbortSignal.timeout(30_000)

function route(name: string, more: { node?: string; generation?: number; address?: string } = {}): Route {
  const { node = 'alpha', generation = 3, address = '10.0.0.9' } = more
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Route',
    metadata: { name, namespace: 'default', uid: name, generation },
    spec: {
      ...{
        node,
        service: name,
        url: '',
        hosts: [],
        path: '/',
        listen: ':8080',
        tls: 'off',
        affinity: 'none',
      },
      backends: [
        { instance: 'one', node: 'alpha', address, port: 1, weight: 1 },
        { instance: 'two', node: 'beta', address: '10.0.0.8', port: 2, weight: 3 },
      ],
    },
  } as Route
}

function stage(routes: readonly Route[], fail?: (led: readonly Led[]) => void) {
  const written = new Map<string, RouteStatus>()
  const said: string[] = []
  const logger: Logger = {
    log: (level, message) => void said.push(`${level} ${message}`),
    with: () => logger,
  }
  const clock = new ManualClock()
  let [led, woken]: [readonly Led[], number] = [[], 0]
  const edge = createEdge(
    {
      node: 'alpha',
      cache: { list: () => routes as never },
      api: {
        updateStatus: async (ref, status: Json) => {
          written.set(ref.name, status as unknown as RouteStatus)
          const found = routes.find(({ metadata }) => metadata.name === ref.name)
          Object.assign(found ?? {}, { status })
        },
      },
      balancer: {
        name: 'Caddy',
        lead: async (given) => {
          led = given
          fail?.(given)
        },
      },
      clock,
      logger,
      // it listens on IPv6 only
      isListening: async (host) => host === '::1',
    },
    () => woken++,
  )
  return {
    ...{ edge, written, said, clock },
    led: () => led,
    woken: () => woken,
    pass: () => edge.spec.reconciler.reconcile(PASS, signal),
  }
}

test('leads what is its own, to instances of its own node over loopback', async () => {
  const { pass, led, written } = stage([route('web'), route('other', { node: 'beta' })])
  await pass()
  assert.equal(
    led().map(({ id, backends }) => [id, backends]),
    [
      [
        'default/web',
        [
          { address: '::1', port: 1, weight: 1, node: 'alpha' },
          { address: '10.0.0.8', port: 2, weight: 3, node: 'beta' },
        ],
      ],
    ],
  )
  assert.equal([...written], [['web', { ledGeneration: 3, backends: 2, phase: 'Led' }]])
})

test('tells of requests now and then, where somebody scales by them', async () => {
  const scaled = { ...route('web'), spec: { ...route('web').spec, scaled: true } }
  const { pass, written, edge, clock } = stage([scaled, route('other')])
  const told = async () => {
    await pass()
    return [written.get('web')?.requestedAt, written.get('other')?.requestedAt]
  }
  assert.equal(await told(), [undefined, undefined])
  edge.requested('default/web')
  edge.requested('default/other')
  const first = new Date(clock.now()).toISOString()
  assert.equal(await told(), [first, undefined])
  clock.advance(9_000)
  edge.requested('default/web')
  assert.equal(await told(), [first, undefined], 'each time is a write')
  clock.advance(2_000)
  assert.equal(await told(), [first, undefined], 'none came since')
  edge.requested('default/web')
  assert.equal(await told(), [new Date(clock.now()).toISOString(), undefined])
})

test('writes nothing where nothing has changed', async () => {
  const { pass, written } = stage([route('web')])
  await pass()
  written.clear()
  await pass()
  assert.is(written.size, 0)
})

test('a balancer that is away is said once, and what was taken out is out all the same', async () => {
  const { pass, written, said } = stage([route('web')], () => {
    throw new BalancerError('Unreachable', 'Caddy cannot be reached')
  })
  assert.is((await pass()).kind, 'recheck')
  await pass()
  assert.equal(written.get('web'), {
    ...{ ledGeneration: 3, backends: 2, phase: 'Failed' },
    ...{ reason: 'Unreachable', message: 'Caddy cannot be reached' },
  })
  assert.equal(said, ['warn requests are not led as they should be: Caddy cannot be reached'])
})

test('where one route is refused the others are led', async () => {
  const { pass, written } = stage([route('web'), route('api')], () => {
    throw new BalancerError('Refused', 'no', { routes: new Map([['default/api', 'the port is taken']]) })
  })
  await pass()
  assert.is(written.get('web')?.phase, 'Led')
  assert.equal([written.get('api')?.phase, written.get('api')?.message], ['Failed', 'the port is taken'])
})

test('another failure is nobody’s to be said, and tried again', async () => {
  const { pass } = stage([route('web')], () => {
    throw new TypeError('a bug')
  })
  const error = await pass().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.instance(error, TypeError)
})

test('a request that waits is told with the Route, once a second at most', async () => {
  const { edge, pass, written, woken, clock } = stage([route('web')])
  for (let count = 0; count < 3; count++) edge.held('default/web')
  assert.is(woken(), 1)
  await pass()
  assert.is(written.get('web')?.heldAt, '2026-01-01T00:00:00.000Z')
  clock.advance(1_000)
  edge.held('default/web')
  assert.is(woken(), 2)
})

test.run()
