/** How much is in a list of Redis, or in a set, a sorted set, a hash: KEDA's redis, redis-cluster and redis-sentinel. */
import { messageOf, NsctlError } from '../../core/errors.ts'
import { oneNumber } from '../numbers.ts'
import { type RedisClient, redisSource, replyOf } from '../redis/client.ts'
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

const COMMANDS: Readonly<Record<string, 'llen' | 'scard' | 'hlen' | 'zcard'>> = {
  none: 'llen',
  list: 'llen',
  set: 'scard',
  hash: 'hlen',
  zset: 'zcard',
}

/** One round trip: a key's type seldom changes, and is asked for when it has. 0 where there is no such key, as in KEDA. */
function lengthOf(key: string): (client: RedisClient) => Promise<number> {
  let command: 'llen' | 'scard' | 'hlen' | 'zcard' = 'llen'
  return async (client) => {
    try {
      return await client[command](key)
    } catch (error) {
      if (!replyOf(error).startsWith('WRONGTYPE')) throw error
    }
    const type = await client.type(key)
    const known = COMMANDS[type]
    if (known === undefined)
      throw new NsctlError('Invalid', `${key} is a ${type} in redis: its length is not known`, {
        value: type,
        next: type === 'stream' ? 'use a trigger of type redis-streams' : 'check listName',
      })
    command = known
    try {
      return await client[command](key)
    } catch (error) {
      if (!replyOf(error).startsWith('WRONGTYPE')) throw error
      throw new NsctlError('Invalid', `${key} in redis changes its type all the time`, {
        value: messageOf(error),
      })
    }
  }
}
