import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { natsJetstream } from '../../../src/scaling/sources/nats-jetstream.ts'
import { startGate } from '../../lab/gate.ts'
import { type NatsServer, startNats, startNatsCluster } from '../../lab/nats.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { numberOf, type Outside, sourceContract, until } from './contract.ts'
import { sourceContext, type TriggerSpec, triggerConfig } from './double.ts'

const WRONG = 'planted-wrong-77aa'

const subject = {
  module: new URL('../../../src/scaling/sources/nats-jetstream.ts', import.meta.url),
  type: async () => natsJetstream,
  present: canFetchDebs(),
  part: 'Debian packages',
}

sourceContract({ ...subject, name: 'nats-jetstream', start: startOutside })

needs(
  test,
  subject.present,
  subject.part,
)('nats-jetstream: asks the consumer’s leader in a cluster, and the next one after it', async () => {
  const servers = await startNatsCluster()
  const [first] = servers as [NatsServer]
  try {
    await until(async () => {
      const made = await first.api('STREAM.CREATE.orders', { ...STREAM, num_replicas: 3 })
      return made.error === undefined
    })
    const { cluster } = await consumerWithLeader(first)
    const leader = servers.find(({ name }) => name === cluster.leader) as NatsServer
    // through each of them, leading or not
    await first.publish('orders', 5)
    for (const server of servers) {
      const source = natsJetstream.open(triggerConfig(triggerAt(server)), sourceContext())
      await until(async () => (await numberOf(source)) === 5)
      await source.close()
    }
    const other = servers.find((server) => server !== leader) as NatsServer
    const source = natsJetstream.open(triggerConfig(triggerAt(other)), sourceContext())
    assert.is(await numberOf(source), 5)
    await leader.process.kill()
    await until(async () => (await numberOf(source)) === 5)
    // the consumer has a leader again; the stream has its own, and takes nothing until then
    await until(async () => (await other.api('STREAM.INFO.orders')).error === undefined)
    await other.publish('orders', 2)
    await until(async () => (await numberOf(source)) === 7)
    const none = natsJetstream.open(triggerConfig(triggerAt(other, { consumer: 'none' })), sourceContext())
    const error = await none.measure(AbortSignal.timeout(5_000)).catch((thrown) => thrown)
    assert.match(String(error.message), /is not found|no consumer none/)
    await source.close()
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
  }
})

test.run()

const STREAM = { name: 'orders', subjects: ['orders'], storage: 'memory' }
const CONSUMER = { stream_name: 'orders', config: { durable_name: 'workers', ack_policy: 'explicit' } }

/** Makes the consumer, and waits until it has a leader. */
async function consumerWithLeader(
  server: NatsServer,
): Promise<{ readonly cluster: { readonly leader?: string } }> {
  await server.api('CONSUMER.DURABLE.CREATE.orders.workers', CONSUMER)
  let info: { cluster?: { leader?: string } } = {}
  await until(async () => {
    info = await server.api('CONSUMER.INFO.orders.workers')
    return info.cluster?.leader !== undefined
  })
  return { cluster: info.cluster ?? {} }
}

function triggerAt(
  { host, monitoringPort }: Pick<NatsServer, 'host' | 'monitoringPort'>,
  more: Readonly<Record<string, string>> = {},
): TriggerSpec {
  return {
    type: 'nats-jetstream',
    metadata: {
      ...{ natsServerMonitoringEndpoint: `${host}:${monitoringPort}`, account: '$G', stream: 'orders' },
      ...{ consumer: 'workers', activationLagThreshold: '2', ...more },
    },
  }
}

async function startOutside(): Promise<Outside> {
  const nats = await startNats()
  const gate = await startGate({ host: nats.host, port: nats.monitoringPort })
  const furnish = async () => {
    await nats.api('STREAM.CREATE.orders', STREAM)
    await nats.api('CONSUMER.DURABLE.CREATE.orders.workers', CONSUMER)
  }
  await furnish()
  const trigger = (more: Readonly<Record<string, string>> = {}) =>
    triggerAt({ host: gate.host, monitoringPort: gate.port }, more)
  return {
    trigger: trigger(),
    activation: 2,
    async set(value) {
      await nats.api('STREAM.PURGE.orders')
      await nats.publish('orders', value)
    },
    gate,
    server: {
      freeze: () => nats.process.freeze(),
      thaw: () => nats.process.thaw(),
      kill: () => nats.process.kill(),
      restart: () => nats.restart().then(furnish),
    },
    invalid: [
      { what: 'no such stream', trigger: trigger({ stream: 'none' }) },
      { what: 'no such consumer', trigger: trigger({ consumer: 'none' }) },
      { what: 'no such account', trigger: trigger({ account: 'none' }) },
    ],
    refused: [
      { what: 'no stream', trigger: trigger({ stream: '' }), parameter: 'stream' },
      {
        what: 'no endpoint',
        trigger: trigger({ natsServerMonitoringEndpoint: '' }),
        parameter: 'natsServerMonitoringEndpoint',
      },
      {
        what: 'a login',
        trigger: trigger({ natsServerMonitoringEndpoint: `a:${WRONG}@b:1` }),
        parameter: 'natsServerMonitoringEndpoint',
      },
    ],
    garbage: [
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}',
      'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull',
      'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{"a":',
    ],
    secrets: [WRONG],
    async stop() {
      await gate.close()
      await nats.stop()
    },
  }
}
