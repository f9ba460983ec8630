/** From offsets to the number that KEDA's kafka scales by. Pure, but for what it remembers. */
import type { PartitionOffset, TopicPartition } from './requests.ts'

export interface LagRules {
  readonly lagThreshold: number
  readonly offsetResetPolicy: 'latest' | 'earliest'
  readonly allowIdleConsumers: boolean
  readonly excludePersistentLag: boolean
  readonly scaleToZeroOnInvalidOffset: boolean
  readonly limitToPartitionsWithLag: boolean
  readonly ensureEvenDistribution: boolean
}

export interface PartitionLag extends TopicPartition {
  /** -1 where none is committed. */
  readonly committed: number
  readonly latest: number
}

/** Committed offsets of the look before, by partition. */
export type PreviousOffsets = Map<string, number>

export interface Lag {
  /** What is compared with the threshold. */
  readonly value: number
  /** What tells whether there is work: all that waits. */
  readonly waiting: number
}

/** `previous` is brought up to date, where persistent lag is left out. */
export function lagOf(partitions: readonly PartitionLag[], rules: LagRules, previous: PreviousOffsets): Lag {
  const waiting = partitions.map((partition) => waitingIn(partition, rules))
  const counted = partitions.map((partition, i) =>
    rules.excludePersistentLag && isStuck(partition, previous) ? 0 : (waiting[i] as number),
  )
  return { value: bounded(counted, rules), waiting: sum(waiting) }
}

/** One message is assumed where it is not known from where a consumer will read: so that one is started, and commits. */
function waitingIn({ committed, latest }: PartitionLag, rules: LagRules): number {
  if (committed >= 0) return Math.max(0, latest - committed)
  if (rules.scaleToZeroOnInvalidOffset) return 0
  return rules.offsetResetPolicy === 'latest' ? 1 : latest
}

/** Nothing was committed since the look before. Partitions without an offset are none of these. */
function isStuck({ topic, partition, committed }: PartitionLag, previous: PreviousOffsets): boolean {
  if (committed < 0) return false
  const key = `${topic}/${partition}`
  const isSame = previous.get(key) === committed
  previous.set(key, committed)
  return isSame
}

/** A consumer more than there are partitions has nothing to do. */
function bounded(counted: readonly number[], rules: LagRules): number {
  const { lagThreshold, allowIdleConsumers, limitToPartitionsWithLag, ensureEvenDistribution } = rules
  const total = sum(counted)
  if (allowIdleConsumers && !limitToPartitionsWithLag && !ensureEvenDistribution) return total
  const even = ensureEvenDistribution
    ? evenConsumers(total, counted.length, lagThreshold) * lagThreshold
    : total
  const most = limitToPartitionsWithLag ? counted.filter((lag) => lag > 0).length : counted.length
  return Math.trunc(even / lagThreshold) > most ? most * lagThreshold : even
}

/** The least number of consumers for the lag of which each has as many partitions as the others. */
function evenConsumers(total: number, partitions: number, lagThreshold: number): number {
  for (let consumers = 1; consumers < partitions; consumers++)
    if (partitions % consumers === 0 && consumers * lagThreshold >= total) return consumers
  return partitions
}

/** Throws where a partition is in `wanted` and not in `latest`. */
export function joined(
  wanted: readonly TopicPartition[],
  committed: readonly PartitionOffset[],
  latest: readonly PartitionOffset[],
): readonly PartitionLag[] {
  const keyOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`
  const byKey = (offsets: readonly PartitionOffset[]) =>
    new Map(offsets.map((one) => [keyOf(one), one.offset]))
  const [ours, ends] = [byKey(committed), byKey(latest)]
  return wanted.map((one) => {
    const end = ends.get(keyOf(one))
    if (end === undefined) throw new Error(`it does not tell the end of ${keyOf(one)}`)
    return { topic: one.topic, partition: one.partition, committed: ours.get(keyOf(one)) ?? -1, latest: end }
  })
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
