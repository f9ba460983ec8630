/** What a consumer group of Kafka has not read yet: KEDA's kafka and apache-kafka. */
import { NsctlError } from '../../core/errors.ts'
import { addressText } from '../addresses.ts'
import { type GroupQuestion, KafkaClient } from '../kafka/client.ts'
import { lagOf, type PreviousOffsets } from '../kafka/lag.ts'
import { codeOf, KafkaRefusal } from '../kafka/refusal.ts'
import { readKafka } from '../kafka/settings.ts'
import { sessionSource } from '../session.ts'
import type { SourceType } from '../source.ts'
import { secretsOfTls } from '../tls.ts'

export const kafka: SourceType = {
  types: ['kafka', 'apache-kafka'],
  shareable: true,
  open(trigger) {
    const { addresses, login, question, rules, activation } = readKafka(trigger)
    const previous: PreviousOffsets = new Map()
    const name = `kafka at ${addresses.map(addressText).join(',')}`
    return sessionSource<KafkaClient>({
      name,
      secrets: [login.sasl?.password, ...secretsOfTls(login.tls ?? {})],
      connect: (signal) => KafkaClient.open(addresses, login, signal),
      isOpen: (client) => client.isOpen,
      end: (client) => client.end(),
      async ask(client) {
        const partitions = await client.lagsOf(question)
        if (partitions === undefined || partitions.length === 0) throw nothingToCount(name, question)
        const { value, waiting } = lagOf(partitions, rules, previous)
        return { kind: 'values', metrics: [{ name: '', value }], active: waiting > activation }
      },
      codeOf: (error) => (error instanceof KafkaRefusal ? codeOf(error) : undefined),
    })
  },
}

function nothingToCount(name: string, { group, topics }: GroupQuestion): NsctlError {
  return topics.length === 0
    ? new NsctlError('Invalid', `${name}: the group ${group} has committed no offsets`, {
        value: group,
        next: 'check consumerGroup, or name a topic',
      })
    : new NsctlError(
        'Invalid',
        `${name}: ${topics.join()} has none of the partitions of partitionLimitation`,
        {
          value: 'partitionLimitation',
        },
      )
}
