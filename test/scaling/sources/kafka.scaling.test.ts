import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { kafka } from '../../../src/scaling/sources/kafka.ts'
import { startGate } from '../../lab/gate.ts'
import { type KafkaCluster, startKafka } from '../../lab/kafka.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { type Outside, read, sourceContract } from './contract.ts'
import { sourceContext, triggerConfig } from './double.ts'

const WRONG = 'planted-wrong-77aa'

const subject = {
  module: new URL('../../../src/scaling/sources/kafka.ts', import.meta.url),
  type: async () => kafka,
  present: canFetchDebs(),
  part: 'Debian packages',
}
const withDebs = needs(test, subject.present, subject.part)

sourceContract({ ...subject, name: 'kafka', start: startOutside })

withDebs('kafka: counts as each of its settings has it', async () => {
  const cluster = await startKafka()
  try {
    await cluster.produce('orders', 50, [0, 1, 2, 3])
    await cluster.produce('mails', 50, [0])
    // partition 3 has no offset; `mails` is read by another group
    await cluster.leave(
      'workers',
      'orders',
      new Map([
        [0, 40],
        [1, 2],
        [2, 0],
      ]),
    )
    await cluster.leave('others', 'mails', new Map([[0, 7]]))
    await cluster.leave('workers', 'mails', new Map([[0, 0]]))
    const says = (metadata: Readonly<Record<string, string>>, type = 'kafka') =>
      reading(cluster, { consumerGroup: 'workers', topic: 'orders', lagThreshold: '10', ...metadata }, type)
    assert.is(await says({ allowIdleConsumers: 'true' }), '43 active')
    assert.is(await says({}), '43 active', '4 partitions would do for 40 and a rest')
    assert.is(await says({ lagThreshold: '5' }), '20 active', 'no more than 4 consumers')
    assert.is(await says({ lagThreshold: '5', limitToPartitionsWithLag: 'true' }), '15 active')
    assert.is(await says({ lagThreshold: '20', ensureEvenDistributionOfPartitions: 'true' }), '80 active')
    assert.is(await says({ offsetResetPolicy: 'earliest', allowIdleConsumers: 'true' }), '92 active')
    assert.is(await says({ scaleToZeroOnInvalidOffset: 'true' }), '42 active')
    assert.is(await says({ partitionLimitation: '1-2' }), '2 active')
    assert.is(await says({ partitionLimitation: '2', activationLagThreshold: '0' }), '0')
    assert.is(await says({ topic: 'orders,mails', allowIdleConsumers: 'true' }, 'apache-kafka'), '46 active')
    assert.is(await says({ topic: 'mails', consumerGroup: 'others', partitionLimitation: '0' }), '7 active')
    assert.match(await says({ topic: '', consumerGroup: 'nobody' }), /^Invalid nobody/)
    assert.match(await says({ partitionLimitation: '17' }), /^Invalid partitionLimitation/)
    assert.match(await says({ partitionLimitation: '2-1' }), /^Invalid partitionLimitation/)
  } finally {
    await cluster.stop()
  }
})

withDebs('kafka: leaves out what its consumers do not move on with, and stays active', async () => {
  const cluster = await startKafka()
  const trigger = {
    type: 'kafka',
    metadata: {
      ...{ bootstrapServers: cluster.bootstrap, consumerGroup: 'workers', topic: 'orders' },
      ...{ excludePersistentLag: 'true', partitionLimitation: '0' },
    },
  }
  const source = kafka.open(triggerConfig(trigger), sourceContext())
  try {
    await cluster.produce('orders', 50, [0])
    const says = async () => {
      const { metrics, active } = await read(source)
      return `${metrics[0]?.value}${active ? ' active' : ''}`
    }
    await cluster.leave('workers', 'orders', new Map([[0, 8]]))
    assert.is(await says(), '8 active')
    assert.is(await says(), '0 active')
    await cluster.leave('workers', 'orders', new Map([[0, 5]]))
    assert.is(await says(), '5 active')
  } finally {
    await source.close()
    await cluster.stop()
  }
})

withDebs('kafka: says that the cluster is gone', async () => {
  const cluster = await startKafka()
  const metadata = { bootstrapServers: cluster.bootstrap, consumerGroup: 'workers', topic: 'seed' }
  const source = kafka.open(triggerConfig({ type: 'kafka', metadata }), sourceContext())
  try {
    await read(source)
    await cluster.stop()
    for (let again = 0; again < 2; again++) {
      const error = await source.measure(AbortSignal.timeout(5_000)).catch((thrown: unknown) => thrown)
      assert.ok(isNsctlError(error, 'Unreachable'))
    }
  } finally {
    await source.close()
    await cluster.stop()
  }
})

test.run()

async function reading(
  { bootstrap }: KafkaCluster,
  metadata: Readonly<Record<string, string>>,
  type: string,
): Promise<string> {
  let close = async () => {}
  try {
    const config = triggerConfig({
      type,
      metadata: { bootstrapServers: `127.0.0.1:1,${bootstrap}`, ...metadata },
    })
    const source = kafka.open(config, sourceContext())
    close = () => source.close()
    const { metrics, active } = await read(source)
    return `${metrics[0]?.value}${active ? ' active' : ''}`
  } catch (error) {
    if (!isNsctlError(error)) throw error
    return `${error.code} ${error.value}: ${error.message}`
  } finally {
    await close()
  }
}

async function startOutside(): Promise<Outside> {
  const cluster = await startKafka()
  const [, port] = cluster.bootstrap.split(',')[0]?.split(':') ?? []
  const gate = await startGate({ host: '127.0.0.1', port: Number(port) })
  await cluster.produce('orders', 200, [0, 1, 2, 3])
  const metadata = {
    ...{ bootstrapServers: `127.0.0.1:${gate.port}`, consumerGroup: 'workers', topic: 'orders' },
    ...{ activationLagThreshold: '3', allowIdleConsumers: 'true' },
  }
  const trigger = (
    more: Readonly<Record<string, string>> = {},
    authentication: Readonly<Record<string, string>> = {},
  ) => ({ type: 'kafka', metadata: { ...metadata, ...more }, authentication })
  return {
    trigger: trigger(),
    activation: 3,
    set: (value) =>
      cluster.leave(
        'workers',
        'orders',
        new Map([
          [0, Math.ceil(value / 2)],
          [1, Math.floor(value / 2)],
          [2, 0],
          [3, 0],
        ]),
      ),
    gate,
    server: { freeze: () => cluster.process.freeze(), thaw: () => cluster.process.thaw() },
    invalid: [{ what: 'no such partition', trigger: trigger({ partitionLimitation: '77' }) }],
    refused: [
      { what: 'no group', trigger: trigger({ consumerGroup: '' }), parameter: 'consumerGroup' },
      { what: 'no port', trigger: trigger({ bootstrapServers: 'kafka' }), parameter: 'bootstrapServers' },
      { what: 'a login that is not ours', trigger: trigger({ sasl: 'gssapi' }), parameter: 'sasl' },
      {
        what: 'no user',
        trigger: trigger({ sasl: 'plaintext' }, { password: WRONG }),
        parameter: 'username',
      },
    ],
    garbage: [
      new Uint8Array([0, 0, 0, 4, 0, 0, 0, 1]),
      new Uint8Array([0, 0, 0, 4, 0, 0, 0, 9]),
      new Uint8Array([0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0x7f, 0xff, 0xff, 0xff]),
      new Uint8Array([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1]),
      // shorter than what every answer begins with, and shorter than nothing
      new Uint8Array([0, 0, 0, 1, 5]),
      new Uint8Array([0x80, 0, 0, 0, 0, 0, 0, 1]),
    ],
    secrets: [WRONG],
    async stop() {
      await gate.close()
      await cluster.stop()
    },
  }
}
