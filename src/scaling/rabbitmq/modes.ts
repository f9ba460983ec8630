/** What KEDA's modes of rabbitmq make of a queue's facts. Pure. */
import type { ValueReading } from '../source.ts'

export interface QueueFacts {
  readonly messages: number
  /** Messages in a second. */
  readonly publishRate: number
  readonly deliverGetRate: number
}

const NOTHING: QueueFacts = { messages: 0, publishRate: 0, deliverGetRate: 0 }

/** What several queues are together; no queue at all counts as an empty one. */
export function composed(queues: readonly QueueFacts[], operation: string): QueueFacts {
  if (queues.length === 0) return NOTHING
  const of = (fact: keyof QueueFacts) => {
    const values = queues.map((queue) => queue[fact])
    if (operation === 'max') return Math.max(...values)
    const sum = values.reduce((a, b) => a + b, 0)
    return operation === 'avg' ? sum / values.length : sum
  }
  return { messages: of('messages'), publishRate: of('publishRate'), deliverGetRate: of('deliverGetRate') }
}

export function readingOf(
  { messages, publishRate, deliverGetRate }: QueueFacts,
  { mode, activation }: { readonly mode: string; readonly activation: number },
): ValueReading {
  const isStuck = deliverGetRate === 0
  switch (mode) {
    case 'MessageRate':
      return reading(publishRate, publishRate > activation || messages > activation)
    case 'DeliverGetRate':
      return reading(deliverGetRate, deliverGetRate > activation)
    case 'PublishedToDeliveredRatio': {
      const ratio = publishRate === 0 ? 0 : isStuck ? activation : publishRate / deliverGetRate
      return reading(ratio, ratio > activation || (publishRate > 0 && isStuck))
    }
    case 'ExpectedQueueConsumptionTime': {
      const waits = () => Math.max(0, (publishRate - deliverGetRate + messages) / deliverGetRate)
      const seconds = messages === 0 ? 0 : isStuck ? activation : waits()
      return reading(seconds, seconds > activation || (isStuck && messages > 0))
    }
    default:
      return reading(messages, messages > activation)
  }
}

function reading(value: number, active: boolean): ValueReading {
  return { kind: 'values', metrics: [{ name: '', value }], active }
}
