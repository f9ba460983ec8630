/** How much is in a list of Redis, or in a set, a sorted set, a hash: KEDA's redis, redis-cluster and redis-sentinel. */
import { NsctlError } from '../../core/errors.ts'
import { oneNumber } from '../numbers.ts'
import { isRefused, numberOf, type RedisClient, redisSource } from '../redis/client.ts'
import { readRedis } from '../redis/settings.ts'
import type { SourceType } from '../source.ts'

export const redisLists: SourceType = {
  types: ['redis', 'redis-cluster', 'redis-sentinel'],
  shareable: true,
  open(trigger) {
    const { parameters } = trigger
    const settings = readRedis(trigger)
    const list = parameters.text('listName') ?? ''
    if (list === '') throw new NsctlError('Invalid', 'listName is missing', { value: 'listName' })
    const activation = parameters.number('activationListLength')
    const length = lengthOf(list)
    return redisSource(settings, async (client) => oneNumber(await length(client), { activation }))
  },
}

const COMMANDS: Readonly<Record<string, string>> = {
  none: 'LLEN',
  list: 'LLEN',
  set: 'SCARD',
  hash: 'HLEN',
  zset: 'ZCARD',
}

/** One round trip: a key's type seldom changes, and is asked for when it has. 0 where there is no such key, as in KEDA. */
function lengthOf(key: string): (client: RedisClient) => Promise<number> {
  let command = 'LLEN'
  return async (client) => {
    try {
      return numberOf(await client.ask(command, key))
    } catch (error) {
      if (!isRefused(error, 'WRONGTYPE')) throw error
    }
    const type = String(await client.ask('TYPE', key))
    command = COMMANDS[type] ?? notCountable(key, type)
    return numberOf(await client.ask(command, key))
  }
}

function notCountable(key: string, type: string): never {
  throw new NsctlError('Invalid', `${key} is a ${type} in redis: its length is not known`, {
    value: type,
    next: type === 'stream' ? 'use a trigger of type redis-streams' : 'check listName',
  })
}
