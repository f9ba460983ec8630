/** What a trigger on Kafka asks for, read of its parameters. */
import { NsctlError } from '../../core/errors.ts'
import type { ReadParameters } from '../../resources/triggers/schema.ts'
import { type Address, readAddress } from '../addresses.ts'
import type { TriggerConfig } from '../source.ts'
import { readTls } from '../tls.ts'
import type { GroupQuestion } from './client.ts'
import type { KafkaLogin } from './connection.ts'
import type { LagRules } from './lag.ts'

export interface KafkaSettings {
  readonly addresses: readonly Address[]
  readonly login: KafkaLogin
  readonly question: GroupQuestion
  readonly rules: LagRules
  readonly activation: number
}

/** Throws Invalid, with a parameter's name. */
export function readKafka({ type, parameters }: TriggerConfig): KafkaSettings {
  const addresses = parameters.list('bootstrapServers').map((text) => readAddress(text, 'bootstrapServers'))
  if (addresses.length === 0) throw missing('bootstrapServers')
  return {
    addresses,
    login: {
      tls:
        parameters.text('tls') === 'enable'
          ? readTls(parameters, type === 'apache-kafka' ? 'strict' : undefined)
          : undefined,
      sasl: readSasl(parameters),
    },
    question: readQuestion(type, parameters),
    rules: readRules(parameters),
    activation: parameters.number('activationLagThreshold') ?? 0,
  }
}

function readQuestion(type: string, parameters: ReadParameters): GroupQuestion {
  const group = parameters.text('consumerGroup') ?? ''
  if (group === '') throw missing('consumerGroup')
  const topic = parameters.text('topic')
  const topics = type === 'apache-kafka' ? parameters.list('topic') : topic ? [topic] : []
  const limitation = parameters.text('partitionLimitation') ?? ''
  // without a topic it has no effect, as in KEDA
  const isLimited = limitation !== '' && topics.length > 0
  return { group, topics, partitions: isLimited ? readPartitions(limitation) : undefined }
}

function readRules(parameters: ReadParameters): LagRules {
  return {
    lagThreshold: Math.max(1, parameters.number('lagThreshold') ?? 10),
    offsetResetPolicy: parameters.text('offsetResetPolicy') === 'earliest' ? 'earliest' : 'latest',
    allowIdleConsumers: parameters.flag('allowIdleConsumers'),
    excludePersistentLag: parameters.flag('excludePersistentLag'),
    scaleToZeroOnInvalidOffset: parameters.flag('scaleToZeroOnInvalidOffset'),
    limitToPartitionsWithLag: parameters.flag('limitToPartitionsWithLag'),
    ensureEvenDistribution: parameters.flag('ensureEvenDistributionOfPartitions'),
  }
}

const MECHANISMS = {
  plaintext: 'PLAIN',
  scram_sha256: 'SCRAM-SHA-256',
  scram_sha512: 'SCRAM-SHA-512',
} as const

function readSasl(parameters: ReadParameters): KafkaLogin['sasl'] {
  const said = parameters.text('sasl') ?? 'none'
  if (said === 'none') return undefined
  const mechanism = MECHANISMS[said as keyof typeof MECHANISMS]
  if (mechanism === undefined)
    throw new NsctlError('Invalid', `sasl ${said} is not to be had here`, {
      value: 'sasl',
      next: `use ${Object.keys(MECHANISMS).join(', ')}`,
    })
  const [username, password] = [parameters.text('username'), parameters.text('password')]
  if (!username) throw missing('username')
  if (!password) throw missing('password')
  return { mechanism, username, password }
}

/** `1,3,5-8` */
export function readPartitions(text: string): ReadonlySet<number> {
  const partitions = new Set<number>()
  for (const part of text.split(',')) {
    const [, from, to = from] = /^\s*(\d{1,6})\s*(?:-\s*(\d{1,6}))?\s*$/.exec(part) ?? []
    if (from === undefined || Number(from) > Number(to))
      throw new NsctlError(
        'Invalid',
        `partitionLimitation: "${part}" is neither a partition nor a range of them`,
        {
          value: 'partitionLimitation',
          next: 'write it as 1,3,5-8',
        },
      )
    for (let partition = Number(from); partition <= Number(to); partition++) partitions.add(partition)
  }
  return partitions
}

function missing(parameter: string): NsctlError {
  return new NsctlError('Invalid', `${parameter} is missing`, { value: parameter })
}
