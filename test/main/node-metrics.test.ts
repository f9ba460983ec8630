import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError, NsctlError } from '../../src/core/errors.ts'
import type { NodeAddress } from '../../src/listener/caller.ts'
import { metricsTarget, nodeMetrics } from '../../src/main/node-metrics.ts'
import type { Node } from '../../src/resources/generated/types.ts'

const URL = 'http://127.0.0.1:9464/metrics'
const LISTENER = '10.0.0.7:9444'

for (const c of [
  { name: 'on this machine, without a listener', status: { metricsUrl: URL, bootId: 'ours' }, want: [URL] },
  {
    name: 'on what looks like this machine',
    status: { metricsUrl: URL, listener: LISTENER, bootId: 'ours' },
    want: [URL, LISTENER],
  },
  {
    name: 'on another machine',
    status: { metricsUrl: URL, listener: LISTENER, bootId: 'theirs' },
    want: [LISTENER],
  },
  // whoever stole its credential writes its status
  {
    name: 'that joined',
    joining: 'j1',
    status: { metricsUrl: URL, listener: LISTENER, bootId: 'ours' },
    want: [LISTENER],
  },
])
  test(`a node ${c.name} is asked at ${c.want.join(', then ')}`, () => {
    const joining = 'joining' in c ? { joining: c.joining } : {}
    const node = { metadata: { name: 'n1' }, spec: joining, status: c.status } as unknown as Node
    assert.equal(metricsTarget(node, 'n1', 'ours'), { node: 'n1', places: c.want, ...joining })
  })

for (const c of [
  { name: 'that is gone', node: undefined, says: /node n1 serves no metrics/ },
  {
    name: 'that joined and does not listen',
    node: {
      spec: { joining: 'j1' },
      status: {
        metricsUrl: URL,
        phase: 'Ready',
        conditions: [{ type: 'Listening', message: 'its certificate has expired' }],
      },
    },
    says: /node n1 cannot be called: its certificate has expired/,
  },
  {
    name: 'on another machine, which has no certificate to listen with',
    node: {
      status: {
        ...{ metricsUrl: URL, phase: 'Ready', bootId: 'theirs' },
        conditions: [{ type: 'Listening', message: 'the control plane’s identity is not here' }],
      },
    },
    says: /node n1 cannot be called: the control plane’s identity is not here/,
  },
])
  test(`a node ${c.name} is asked nowhere, and it is said why`, () => {
    const node = c.node && ({ metadata: { name: 'n1' }, ...c.node } as unknown as Node)
    const error = (() => {
      try {
        metricsTarget(node, 'n1', 'ours')
      } catch (thrown) {
        return thrown
      }
      return undefined
    })()
    assert.ok(isNsctlError(error, 'Unreachable'))
    assert.match(error.message, c.says)
  })

/** Something on loopback that answers with `text`, and listeners that answer with their names. */
async function withLoopback(
  text: string,
  run: (place: string, metrics: ReturnType<typeof nodeMetrics>, called: NodeAddress[]) => Promise<void>,
): Promise<void> {
  const server = createServer((_, response) => response.end(text))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const called: NodeAddress[] = []
  const metrics = nodeMetrics({
    async metrics(at) {
      called.push(at)
      if (at.listener === 'dead:1') throw new NsctlError('Unreachable', 'no answer')
      return `of ${at.node}`
    },
    close() {},
  })
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`, metrics, called)
  } finally {
    metrics.close()
    server.close()
    server.closeAllConnections()
  }
}

const signal = new AbortController().signal
const MINE = 'nsctl_node_load1{node="n1"} 1\n'

test('what answers on loopback for the node is believed, and nobody else is asked', () =>
  withLoopback(MINE, async (place, metrics, called) => {
    const target = { node: 'n1', places: [place, LISTENER] }
    assert.is(await metrics.fetch(target, [], signal), MINE)
    assert.equal(called, [])
  }))

test('what answers on loopback for another node is passed over', () =>
  withLoopback(MINE, async (place, metrics, called) => {
    assert.is(
      await metrics.fetch({ node: 'n2', places: [place, LISTENER], joining: 'j' }, [], signal),
      'of n2',
    )
    assert.equal(called, [{ node: 'n2', listener: LISTENER, joining: 'j' }])
    const error = await metrics.fetch({ node: 'n2', places: [place] }, [], signal).catch((thrown) => thrown)
    assert.match(error.message, /is not node n2/)
    const last = await metrics
      .fetch({ node: 'n2', places: [place, 'dead:1'] }, [], signal)
      .catch((thrown) => thrown)
    assert.is(last.message, 'no answer')
  }))

test('a node that has nothing to tell is not taken for another', () =>
  withLoopback('', async (place, metrics, called) => {
    assert.is(await metrics.fetch({ node: 'n1', places: [place] }, [], signal), '')
    assert.is(await metrics.fetch({ node: 'n1', places: [place, LISTENER] }, [], signal), 'of n1')
    assert.is(called.length, 1)
  }))

test.run()
