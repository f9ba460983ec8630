/** Queues of RabbitMQ: their lengths over AMQP, and rates as well over the management API. KEDA's rabbitmq. */

import { amqpQueue } from '../rabbitmq/amqp.ts'
import { protocolOf } from '../rabbitmq/host.ts'
import { managedQueues } from '../rabbitmq/http.ts'
import type { SourceType } from '../source.ts'

export const rabbitmq: SourceType = {
  types: ['rabbitmq'],
  shareable: true,
  open(trigger, context) {
    return protocolOf(trigger.parameters) === 'amqp' ? amqpQueue(trigger) : managedQueues(trigger, context)
  },
}
