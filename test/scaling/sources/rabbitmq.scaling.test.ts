/** The contract over both protocols, and what the management API can do besides. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { rabbitmq } from '../../../src/scaling/sources/rabbitmq.ts'
import { startGate } from '../../lab/gate.ts'
import { RABBIT_ADMIN, type RabbitServer, startRabbit } from '../../lab/rabbitmq.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { numberOf, type Outside, read, sourceContract, until } from './contract.ts'
import { sourceContext, type TriggerSpec, triggerConfig } from './double.ts'

const WRONG = 'planted-wrong-77aa'
const { username: USER, password: PASSWORD } = RABBIT_ADMIN

const subject = {
  module: new URL('../../../src/scaling/sources/rabbitmq.ts', import.meta.url),
  type: async () => rabbitmq,
  present: canFetchDebs(),
  part: 'Debian packages',
}

sourceContract({ ...subject, name: 'rabbitmq over AMQP', start: () => startOutside('amqp') })
sourceContract({ ...subject, name: 'rabbitmq over HTTP', start: () => startOutside('http') })

needs(
  test,
  subject.present,
  subject.part,
)('rabbitmq over HTTP: many queues, ready messages, rates', async () => {
  const rabbit = await startRabbit()
  try {
    for (const [queue, messages] of [
      ['jobs-a', 5],
      ['jobs-b', 1],
      ['jobs-c', 0],
      ['other', 9],
    ] as const)
      await declare(rabbit, queue).then(() => rabbit.fill(queue, messages))
    const sourceOf = (metadata: Readonly<Record<string, string>>) =>
      rabbitmq.open(
        triggerConfig({
          type: 'rabbitmq',
          metadata: {
            ...{ host: `http://${USER}:${PASSWORD}@127.0.0.1:${rabbit.httpPort}/`, mode: 'QueueLength' },
            ...{ value: '5', queueName: '^jobs-', ...metadata },
          },
        }),
        sourceContext(),
      )
    const comesTo = async (want: number, metadata: Readonly<Record<string, string>>) =>
      until(async () => (await numberOf(sourceOf(metadata))) === want)
    const regex = { useRegex: 'true' }
    await comesTo(6, regex)
    await comesTo(2, { ...regex, operation: 'avg' })
    await comesTo(5, { ...regex, operation: 'max' })
    await comesTo(0, { ...regex, queueName: '^none' })
    await comesTo(15, { ...regex, queueName: '.*' })
    const crowded = sourceOf({ ...regex, pageSize: '2' }).measure(AbortSignal.timeout(5_000))
    assert.match(await crowded.catch((error) => error.message), /more queues match queueName than pageSize/)

    // delivered and not acknowledged: with `ackmode` of the API it goes back at once, so a rate is all that stays
    const keepBusy = setInterval(() => {
      void rabbit.fill('jobs-a', 3).catch(() => undefined)
    }, 100)
    try {
      await until(
        async () => ((await numberOf(sourceOf({ queueName: 'jobs-a', mode: 'MessageRate' }))) ?? 0) > 1,
      )
      const rate = await read(sourceOf({ queueName: 'jobs-a', mode: 'DeliverGetRate' }))
      assert.equal([rate.metrics[0]?.value, rate.active], [0, false])
      const ratio = { queueName: 'jobs-a', mode: 'PublishedToDeliveredRatio', activationValue: '4' }
      const stuck = await read(sourceOf(ratio))
      assert.equal([stuck.metrics[0]?.value, stuck.active], [4, true], 'published, and nobody takes it')
    } finally {
      clearInterval(keepBusy)
    }
  } finally {
    await rabbit.stop()
  }
})

test.run()

function declare(rabbit: RabbitServer, queue: string, vhost = '%2F'): Promise<unknown> {
  return rabbit.api('PUT', `/queues/${vhost}/${queue}`, { durable: true, auto_delete: false, arguments: {} })
}

async function startOutside(protocol: 'amqp' | 'http'): Promise<Outside> {
  const rabbit = await startRabbit()
  const port = protocol === 'amqp' ? rabbit.amqpPort : rabbit.httpPort
  const gate = await startGate({ host: rabbit.host, port })
  const furnish = async () => {
    await declare(rabbit, 'jobs')
    await rabbit.api('PUT', '/vhosts/side')
    await rabbit.api('PUT', '/users/stranger', { password: PASSWORD, tags: '' })
  }
  await furnish()
  const trigger = (
    metadata: Readonly<Record<string, string>> = {},
    authentication: Readonly<Record<string, string>> = { username: USER, password: PASSWORD },
  ): TriggerSpec => ({
    type: 'rabbitmq',
    metadata: {
      ...{ host: `${protocol}://127.0.0.1:${gate.port}/%2F`, queueName: 'jobs', mode: 'QueueLength' },
      ...{ value: '5', activationValue: '2', ...metadata },
    },
    authentication,
  })
  const inHost = `${protocol}://${USER}:${WRONG}@127.0.0.1:${gate.port}/`
  const direct = trigger({ host: `${protocol}://127.0.0.1:${port}/` })
  return {
    trigger: trigger(),
    activation: 2,
    async set(value) {
      await rabbit.fill('jobs', value)
      // the management API counts now and then
      const source = rabbitmq.open(triggerConfig(direct), sourceContext())
      await until(async () => (await numberOf(source)) === value)
      await source.close()
    },
    gate,
    server: {
      freeze: () => rabbit.process.freeze(),
      thaw: () => rabbit.process.thaw(),
      kill: () => rabbit.process.kill(),
      restart: async () => {
        await rabbit.restart()
        await furnish()
      },
    },
    wrongCredentials: [
      { what: 'a wrong password', trigger: trigger({}, { username: USER, password: WRONG }) },
      { what: 'a wrong password in the host', trigger: trigger({ host: inHost }, {}) },
      { what: 'nobody', trigger: trigger({}, {}) },
    ],
    invalid: [
      { what: 'no such queue', trigger: trigger({ queueName: 'none' }) },
      { what: 'no such vhost', trigger: trigger({ vhostName: 'none' }) },
      { what: 'a queue of another vhost', trigger: trigger({ vhostName: 'side' }) },
    ],
    refused: [
      { what: 'no URL', trigger: trigger({ host: 'rabbit:5672' }), parameter: 'host' },
      { what: 'another scheme', trigger: trigger({ host: `ftp://a:${WRONG}@b/` }), parameter: 'host' },
      {
        what: 'both protocols',
        trigger: trigger({ protocol: protocol === 'amqp' ? 'http' : 'amqp' }),
        parameter: 'protocol',
      },
    ],
    garbage: [
      'AMQP\x00\x00\x09\x01',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}',
      'HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{"messages":"12"}',
      'HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n',
      new Uint8Array([1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 10, 0, 10]),
      new Uint8Array([1, 0, 0, 0, 0, 0, 5, 0, 10, 0, 10, 9, 0xce]),
      new Uint8Array([8, 0, 0, 0, 0, 0, 0, 0xce]),
    ],
    secrets: [PASSWORD, WRONG],
    async stop() {
      await gate.close()
      await rabbit.stop()
    },
  }
}
