/** How long an instance that is to end goes on. */

import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { countConnections, countIn } from '../../../src/agent/instance/connections.ts'
import { Drain } from '../../../src/agent/instance/drain.ts'
import { ManualClock } from '../../../src/core/clock.ts'
import type { Instance } from '../../../src/resources/generated/types.ts'

function instance(led: boolean | undefined, uid = 'u1'): Instance {
  const traffic = led === undefined ? undefined : { led, drainTimeout: '10s' }
  return {
    metadata: { uid },
    spec: { traffic },
    status: { ports: [{ name: 'http', port: 20_011 }] },
  } as unknown as Instance
}

function stage() {
  const clock = new ManualClock()
  const state: { connections: number | undefined } = { connections: 0 }
  return { clock, state, drain: new Drain(clock, async () => state.connections) }
}

test('one that no load balancer knows is ended at once', async () => {
  assert.is(await stage().drain.waitMs(instance(undefined)), undefined)
})

test('waits until nothing is led to it, then until it is in the middle of nothing', async () => {
  const { drain, state } = stage()
  state.connections = 2
  assert.is(await drain.waitMs(instance(true)), 1_000)
  assert.is(await drain.waitMs(instance(false)), 100)
  state.connections = 0
  assert.is(await drain.waitMs(instance(false)), undefined)
})

test('no longer than it says, for both together', async () => {
  const { drain, state, clock } = stage()
  state.connections = 1
  await drain.waitMs(instance(true))
  clock.advance(9_950)
  assert.is(await drain.waitMs(instance(true)), 50)
  assert.is(await drain.waitMs(instance(false)), 50)
  assert.is(await drain.waitMs(instance(true, 'u2')), 1_000)
  clock.advance(50)
  assert.is(await drain.waitMs(instance(true)), undefined)
  drain.forget('u1')
  assert.is(await drain.waitMs(instance(true)), 1_000)
})

test('where connections cannot be counted it does not wait for them', async () => {
  const { drain, state } = stage()
  state.connections = undefined
  assert.is(await drain.waitMs(instance(false)), undefined)
})

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4E2B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0000000000000000 100 0 0 10 0
   1: 0100007F:4E2B 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:C350 0100007F:4E2B 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0000000000000000 20 4 30 10 -1
   3: 00000000000000000000000001000000:4E2B 00000000000000000000000001000000:C351 01 0:0 00:0 0 0 0 4 1 0 20 4 30 10 -1
   4: 0100007F:4E2B 0100007F:C352 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0000000000000000
`

test('connections are those of clients that are established', () => {
  assert.is(countIn(TABLE, new Set([20_011])), 2)
  assert.is(countIn(TABLE, new Set([1])), 0)
  assert.is(countIn('', new Set([20_011])), 0)
})

if (process.platform === 'linux')
  test('a real connection is counted while it stands', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    assert.is(await countConnections(new Set([port])), 0)
    const socket = connect(port, '127.0.0.1')
    await new Promise((resolve) => socket.once('connect', resolve))
    assert.is(await countConnections(new Set([port])), 1)
    socket.destroy()
    server.close()
  })

test.run()
