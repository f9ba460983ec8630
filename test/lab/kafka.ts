/** A cluster that speaks Kafka's protocol, on loopback: librdkafka's own mock, run by kcat. It keeps messages and offsets in memory. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { KafkaConnection } from '../../src/scaling/kafka/connection.ts'
import { int16, int32, int64, list, text } from '../../src/scaling/kafka/protocol.ts'
import { describeTopics, findCoordinator, latestOffsets } from '../../src/scaling/kafka/requests.ts'
import { extractDeb, type ServerProcess, serverDirectory, startServer, untilReady } from './servers.ts'

export interface KafkaCluster {
  /** `127.0.0.1:1,127.0.0.1:2,127.0.0.1:3` */
  readonly bootstrap: string
  readonly process: ServerProcess
  /** Makes the topic, which gets four partitions, and puts so many messages in each of these. */
  produce(topic: string, messages: number, partitions: readonly number[]): Promise<void>
  /** Says that the group has read all but so many messages of each partition. */
  leave(group: string, topic: string, behind: ReadonlyMap<number, number>): Promise<void>
  stop(): Promise<void>
}

const LIBRARIES = ['librdkafka1', 'libyajl2']
const NO_LOGIN = { tls: undefined, sasl: undefined }
const OFFSET_COMMIT = 8

/** Starts three brokers; some hundred milliseconds. */
export async function startKafka(): Promise<KafkaCluster> {
  const directory = serverDirectory('kafka')
  const paths: string[] = []
  for (const name of LIBRARIES)
    paths.push(join(await extractDeb('bookworm', name), 'usr/lib/x86_64-linux-gnu'))
  const kcat = join(await extractDeb('bookworm', 'kcat'), 'usr/bin/kcat')
  const env = { LD_LIBRARY_PATH: paths.join(':') }
  // it lives while its input is open: a pipe that it holds open itself
  const mock = [kcat, '-P', '-b', 'none', '-t', 'seed', '-X', 'test.mock.num.brokers=3', '-d', 'mock']
  const open = 'mkfifo "$0" && exec "$@" <>"$0"'
  const input = join(directory.path, 'input')
  const library = `LD_LIBRARY_PATH=${env.LD_LIBRARY_PATH}`
  const command = ['sh', '-c', open, input, 'env', library, ...mock]
  const process = startServer(command, join(directory.path, 'log'))
  const bootstrapOf = () => /bootstrap\.servers=(\S+)/.exec(process.log())?.[1] ?? ''
  await untilReady(process, async () => bootstrapOf() !== '')
  const bootstrap = bootstrapOf()
  return {
    bootstrap,
    process,
    async produce(topic, messages, partitions) {
      for (const partition of partitions) {
        const child = spawn(kcat, ['-P', '-b', bootstrap, '-t', topic, '-p', String(partition)], {
          env,
          stdio: ['pipe', 'ignore', 'ignore'],
        })
        child.stdin.end('x\n'.repeat(messages))
        await new Promise((resolve) => child.once('close', resolve))
      }
    },
    leave: (group, topic, behind) => leave(bootstrap, group, topic, behind),
    async stop() {
      await process.kill()
      directory.remove()
    },
  }
}

async function leave(
  bootstrap: string,
  group: string,
  topic: string,
  behind: ReadonlyMap<number, number>,
): Promise<void> {
  const [host = '', port] = bootstrap.split(',')[0]?.split(':') ?? []
  const signal = AbortSignal.timeout(10_000)
  const open = (address: { host: string; port: number }) => KafkaConnection.open(address, NO_LOGIN, signal)
  const first = await open({ host, port: Number(port) })
  const { brokers, partitions } = await describeTopics(first, [topic])
  const commits: { partition: number; offset: number }[] = []
  for (const { partition, leader } of partitions.filter((one) => behind.has(one.partition))) {
    const broker = await open(brokers.get(leader) as { host: string; port: number })
    const [end] = await latestOffsets(broker, [{ topic, partition }])
    broker.end()
    commits.push({ partition, offset: (end?.offset ?? 0) - (behind.get(partition) as number) })
  }
  const coordinator = await open(await findCoordinator(first, group))
  const one = ({ partition, offset }: { partition: number; offset: number }) =>
    Buffer.concat([int32(partition), int64(offset), int16(-1)])
  const topics = list([topic], (name) => Buffer.concat([text(name), list(commits, one)]))
  // as one who is no member: generation -1; kept as long as the broker keeps offsets: -1
  const answer = await coordinator.ask(
    OFFSET_COMMIT,
    2,
    Buffer.concat([text(group), int32(-1), text(''), int64(-1), topics]),
  )
  const errors = answer.list(() => {
    answer.text()
    return answer.list(() => [answer.int32(), answer.int16()] as const)
  })
  for (const [partition, error] of errors.flat())
    if (error !== 0) throw new Error(`the offset of ${topic}/${partition} is refused: ${error}`)
  for (const connection of [first, coordinator]) connection.end()
}
