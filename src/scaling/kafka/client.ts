/** Connections to the brokers of one cluster, as many as a group's offsets take. */
import { type Address, addressText } from '../addresses.ts'
import { firstOf } from '../first-of.ts'
import { KafkaConnection, type KafkaLogin } from './connection.ts'
import { joined, type PartitionLag } from './lag.ts'
import {
  committedOffsets,
  describeTopics,
  findCoordinator,
  type LedPartition,
  latestOffsets,
} from './requests.ts'

export interface GroupQuestion {
  readonly group: string
  /** All that the group has committed offsets of where empty. */
  readonly topics: readonly string[]
  /** All where left out. */
  readonly partitions: ReadonlySet<number> | undefined
}

export class KafkaClient {
  readonly #login: KafkaLogin
  readonly #first: KafkaConnection
  readonly #ending = new AbortController()
  readonly #connections = new Map<string, KafkaConnection>()
  #coordinator: Address | undefined

  private constructor(first: KafkaConnection, login: KafkaLogin) {
    this.#first = first
    this.#login = login
  }

  /** Connected to the first of `addresses` that answers. */
  static async open(
    addresses: readonly Address[],
    login: KafkaLogin,
    signal: AbortSignal,
  ): Promise<KafkaClient> {
    const first = await firstOf(
      addresses,
      (address, stop) => KafkaConnection.open(address, login, stop),
      (late) => late.end(),
      signal,
    )
    return new KafkaClient(first, login)
  }

  get isOpen(): boolean {
    return [this.#first, ...this.#connections.values()].every((connection) => connection.isOpen)
  }

  /** Undefined where the group has committed nothing and no topic is named. */
  async lagsOf({ group, topics, partitions }: GroupQuestion): Promise<readonly PartitionLag[] | undefined> {
    this.#coordinator ??= await findCoordinator(this.#first, group)
    const coordinator = await this.#to(this.#coordinator)
    const known = topics.length === 0 ? await committedOffsets(coordinator, group) : undefined
    const named = known === undefined ? topics : [...new Set(known.map(({ topic }) => topic))]
    if (named.length === 0) return undefined
    const { brokers, partitions: all } = await describeTopics(this.#first, named)
    const wanted = all.filter(({ partition }) => partitions?.has(partition) ?? true)
    const latest = await this.#ends(wanted, brokers)
    return joined(wanted, known ?? (await committedOffsets(coordinator, group, wanted)), latest)
  }

  end(): void {
    this.#ending.abort()
    for (const connection of [this.#first, ...this.#connections.values()]) connection.end()
  }

  async #ends(partitions: readonly LedPartition[], brokers: ReadonlyMap<number, Address>) {
    const byLeader = [...Map.groupBy(partitions, ({ leader }) => leader)]
    const answers = byLeader.map(async ([leader, led]) => {
      const address = brokers.get(leader)
      if (address === undefined) throw new Error(`${led[0]?.topic}/${led[0]?.partition} has no leader now`)
      return latestOffsets(await this.#to(address), led)
    })
    return (await Promise.all(answers)).flat()
  }

  async #to(address: Address): Promise<KafkaConnection> {
    const key = addressText(address)
    const known = this.#connections.get(key)
    if (known !== undefined) return known
    const connection = await KafkaConnection.open(address, this.#login, this.#ending.signal)
    this.#connections.set(key, connection)
    return connection
  }
}
