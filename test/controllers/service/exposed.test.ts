/** What is said of a Service's exposure. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exposedCondition, exposedUrl } from '../../../src/controllers/service/exposed.ts'
import type { Route, RouteStatus, Service } from '../../../src/resources/generated/types.ts'

const service = (expose?: object) => ({ spec: { expose } }) as unknown as Service
const route = (node: string, status?: RouteStatus) =>
  ({ spec: { node, url: `http://${node}:8080` }, status }) as unknown as Route
const led: RouteStatus = { phase: 'Led', backends: 3, ledGeneration: 1 }

for (const { name, routes, status, reason, message } of [
  {
    name: 'no node has a load balancer',
    routes: [],
    status: 'False',
    reason: 'NoBalancer',
    message:
      'no node has a load balancer: start one with nsctl up --caddy-admin URL where Caddy runs; a machine that joined needs the label nsctl.dev/edge=true',
  },
  {
    name: 'all lead',
    routes: [route('b', led), route('a', { ...led, backends: 1 })],
    status: 'True',
    reason: 'Exposed',
    message: 'http://a:8080 on a, b leads to 3 instances',
  },
  {
    name: 'one has not said so yet',
    routes: [route('a', led), route('b')],
    status: 'False',
    reason: 'Pending',
    message: 'waits for b',
  },
  {
    name: 'one cannot',
    routes: [route('a', led), route('b', { phase: 'Failed', reason: 'Refused', message: 'Caddy says no' })],
    status: 'False',
    reason: 'Refused',
    message: 'on b: Caddy says no',
  },
])
  test(`where ${name}`, () =>
    assert.equal(exposedCondition(service({ listen: '8080' }), routes), {
      type: 'Exposed',
      status,
      reason,
      message,
    }))

test('nothing is said of what is not exposed', () => {
  assert.is(exposedCondition(service(), [route('a', led)]), undefined)
  assert.is(exposedUrl(service(), [route('a', led)]), undefined)
})

test('it is reached at the first of the nodes that lead to it', () =>
  assert.is(exposedUrl(service({ listen: '8080' }), [route('b', led), route('a', led)]), 'http://a:8080'))

test.run()
