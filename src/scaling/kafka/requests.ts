/** What is asked of brokers, and what their answers say. */
import type { Address } from '../addresses.ts'
import type { KafkaConnection } from './connection.ts'
import { API, int8, int32, int64, type KafkaReader, list, NULL_LIST, text } from './protocol.ts'
import { KafkaRefusal } from './refusal.ts'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export interface LedPartition extends TopicPartition {
  readonly leader: number
}

export interface ClusterFacts {
  readonly brokers: ReadonlyMap<number, Address>
  readonly partitions: readonly LedPartition[]
}

export interface PartitionOffset extends TopicPartition {
  /** -1 where none is committed. */
  readonly offset: number
}

const LATEST = -1

/** Throws a KafkaRefusal where one of the topics cannot be told of. Makes no topics, unless a broker is older than 0.11. */
export async function describeTopics(
  connection: KafkaConnection,
  topics: readonly string[],
): Promise<ClusterFacts> {
  const version = connection.versionOf(API.metadata, 1, 4)
  const names = list(topics, text)
  const body = await connection.ask(
    API.metadata,
    version,
    version >= 4 ? Buffer.concat([names, int8(0)]) : names,
  )
  if (version >= 3) body.int32()
  const brokers = body.list(() => {
    const broker = [body.int32(), { host: body.text(), port: body.int32() }] as const
    body.nullableText()
    return broker
  })
  if (version >= 2) body.nullableText()
  body.int32()
  return { brokers: new Map(brokers), partitions: body.list(() => readTopic(body)).flat() }
}

function readTopic(body: KafkaReader): readonly LedPartition[] {
  const status = body.int16()
  const topic = body.text()
  if (status !== 0) throw new KafkaRefusal(status, `topic ${topic}`)
  body.int8()
  return body.list(() => {
    body.int16()
    const [partition, leader] = [body.int32(), body.int32()]
    for (let i = 0; i < 2; i++) body.list(() => body.int32())
    return { topic, partition, leader }
  })
}

/** The broker that keeps the group's offsets. */
export async function findCoordinator(connection: KafkaConnection, group: string): Promise<Address> {
  const version = connection.versionOf(API.findCoordinator, 0, 1)
  const key = version === 0 ? text(group) : Buffer.concat([text(group), int8(0)])
  const body = await connection.ask(API.findCoordinator, version, key)
  if (version >= 1) body.int32()
  const status = body.int16()
  if (version >= 1) body.nullableText()
  if (status !== 0) throw new KafkaRefusal(status, `the coordinator of group ${group}`)
  body.int32()
  return { host: body.text(), port: body.int32() }
}

/** @param partitions all that the group has committed where left out */
export async function committedOffsets(
  connection: KafkaConnection,
  group: string,
  partitions?: readonly TopicPartition[],
): Promise<readonly PartitionOffset[]> {
  const version = connection.versionOf(API.offsetFetch, 2, 2)
  const wanted =
    partitions === undefined ? NULL_LIST : byTopic(partitions, ({ partition }) => int32(partition))
  const body = await connection.ask(API.offsetFetch, version, Buffer.concat([text(group), wanted]))
  const offsets = body.list(() => {
    const topic = body.text()
    return body.list(() => {
      const [partition, offset] = [body.int32(), body.int64()]
      body.nullableText()
      const status = body.int16()
      if (status !== 0)
        throw new KafkaRefusal(status, `the offset of group ${group} in ${topic}/${partition}`)
      return { topic, partition, offset }
    })
  })
  const status = body.int16()
  if (status !== 0) throw new KafkaRefusal(status, `the offsets of group ${group}`)
  return offsets.flat()
}

/** Where the next message goes, of partitions that this broker leads. */
export async function latestOffsets(
  connection: KafkaConnection,
  partitions: readonly TopicPartition[],
): Promise<readonly PartitionOffset[]> {
  const version = connection.versionOf(API.listOffsets, 1, 1)
  const wanted = byTopic(partitions, ({ partition }) => Buffer.concat([int32(partition), int64(LATEST)]))
  const body = await connection.ask(API.listOffsets, version, Buffer.concat([int32(-1), wanted]))
  const offsets = body.list(() => {
    const topic = body.text()
    return body.list(() => {
      const partition = body.int32()
      const status = body.int16()
      if (status !== 0) throw new KafkaRefusal(status, `the end of ${topic}/${partition}`)
      body.int64()
      return { topic, partition, offset: body.int64() }
    })
  })
  return offsets.flat()
}

function byTopic(
  partitions: readonly TopicPartition[],
  write: (partition: TopicPartition) => Buffer,
): Buffer {
  const topics = Map.groupBy(partitions, ({ topic }) => topic)
  return list([...topics], ([topic, members]) => Buffer.concat([text(topic), list(members, write)]))
}
