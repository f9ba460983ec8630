/** What waits in a stream of Redis: a group's lag, its pending entries, or all of the stream. KEDA's redis-streams and its kin. */
import { NsctlError } from '../../core/errors.ts'
import type { ReadParameters } from '../../resources/triggers/schema.ts'
import { oneNumber } from '../numbers.ts'
import { isRefused, numberOf, type RedisClient, redisSource } from '../redis/client.ts'
import type { Reply } from '../redis/resp.ts'
import { readRedis } from '../redis/settings.ts'
import type { SourceType } from '../source.ts'

/** What is counted, and the parameter that it is compared with. */
interface Count {
  readonly target: 'streamLength' | 'lagCount' | 'pendingEntriesCount'
  of(client: RedisClient): Promise<number>
}

export const redisStreams: SourceType = {
  types: ['redis-streams', 'redis-cluster-streams', 'redis-sentinel-streams'],
  shareable: true,
  open(trigger) {
    const { parameters } = trigger
    const settings = readRedis(trigger)
    const count = countOf(parameters)
    const activation = parameters.number('activationLagCount')
    const target = parameters.number(count.target)
    return redisSource(settings, async (client) =>
      oneNumber(await answerOf(count.of(client)), { activation, target }),
    )
  },
}

/** As KEDA chooses it. */
function countOf(parameters: ReadParameters): Count {
  const stream = parameters.text('stream') ?? ''
  if (stream === '') throw new NsctlError('Invalid', 'stream is missing', { value: 'stream' })
  const group = parameters.text('consumerGroup') ?? ''
  if (group === '') return { target: 'streamLength', of: (client) => lengthOf(client, stream) }
  const lag = parameters.number('lagCount') ?? 0
  return lag !== 0
    ? { target: 'lagCount', of: (client) => lagOf(client, stream, group) }
    : { target: 'pendingEntriesCount', of: (client) => pendingOf(client, stream, group) }
}

async function lengthOf(client: RedisClient, stream: string): Promise<number> {
  return numberOf(await client.ask('XLEN', stream))
}

async function pendingOf(client: RedisClient, stream: string, group: string): Promise<number> {
  const summary = await client.ask('XPENDING', stream, group)
  return numberOf(Array.isArray(summary) ? (summary as readonly Reply[])[0] : undefined)
}

/**
 * 0 where there is no stream yet; all of it where the group is not there yet, which is what its lag will be: so the first consumer is started that
 * makes the group.
 */
async function lagOf(client: RedisClient, stream: string, group: string): Promise<number> {
  const groups = await groupsOf(client, stream)
  if (groups === undefined) return 0
  const found = groups.find((one) => one.get('name') === group)
  if (found === undefined) return lengthOf(client, stream)
  if (!found.has('lag'))
    throw new NsctlError('Invalid', 'this redis does not tell the lag of groups: that takes version 7', {
      value: 'lagCount',
      next: 'leave lagCount out: pending entries are counted then',
    })
  const lag = found.get('lag')
  if (typeof lag !== 'number')
    throw new NsctlError(
      'Invalid',
      `redis cannot tell the lag of ${group}: entries were deleted amid ${stream}`,
      {
        value: group,
        next: 'it can again once the group has read past them',
      },
    )
  return lag
}

/** Undefined where there is no such stream. */
async function groupsOf(
  client: RedisClient,
  stream: string,
): Promise<readonly ReadonlyMap<Reply, Reply>[] | undefined> {
  let groups: Reply
  try {
    groups = await client.ask('XINFO', 'GROUPS', stream)
  } catch (error) {
    if (isRefused(error, 'ERR no such key')) return undefined
    throw error
  }
  if (!Array.isArray(groups)) throw new Error('its answer is no list of groups')
  return (groups as readonly Reply[]).map(pairsOf)
}

/** Names and values by turns. */
function pairsOf(group: Reply): ReadonlyMap<Reply, Reply> {
  if (!Array.isArray(group)) throw new Error('its answer is no list of groups')
  const flat = group as readonly Reply[]
  return new Map(
    Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]] as [Reply, Reply]),
  )
}

/** A server's refusal of the question is an answer. */
async function answerOf(count: Promise<number>): Promise<number> {
  try {
    return await count
  } catch (error) {
    if (isRefused(error, 'NOGROUP'))
      throw new NsctlError('Invalid', 'redis has no such stream or group', {
        value: 'consumerGroup',
        next: 'make the group first (XGROUP CREATE … MKSTREAM), or give lagCount, which needs none',
      })
    if (isRefused(error, 'WRONGTYPE'))
      throw new NsctlError('Invalid', 'the key is no stream in redis', {
        value: 'stream',
        next: 'use a trigger of type redis',
      })
    throw error
  }
}
