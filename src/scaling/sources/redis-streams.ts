/** What waits in a stream of Redis: a group's lag, its pending entries, or all of the stream. KEDA's redis-streams and its kin. */
import { NsctlError } from '../../core/errors.ts'
import type { ReadParameters } from '../../resources/triggers/schema.ts'
import { oneNumber } from '../numbers.ts'
import { type RedisClient, redisSource, replyOf } from '../redis/client.ts'
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
  if (group === '') return { target: 'streamLength', of: (client) => client.xlen(stream) }
  const lag = parameters.number('lagCount') ?? 0
  return lag !== 0
    ? { target: 'lagCount', of: (client) => lagOf(client, stream, group) }
    : { target: 'pendingEntriesCount', of: (client) => pendingOf(client, stream, group) }
}

async function pendingOf(client: RedisClient, stream: string, group: string): Promise<number> {
  const [count] = (await client.xpending(stream, group)) as readonly unknown[]
  return Number(count)
}

/**
 * 0 where there is no stream yet; all of it where the group is not there yet, which is what its lag will be: so the first consumer is started that
 * makes the group.
 */
async function lagOf(client: RedisClient, stream: string, group: string): Promise<number> {
  const groups = await groupsOf(client, stream)
  if (groups === undefined) return 0
  const found = groups.find((one) => one.get('name') === group)
  if (found === undefined) return client.xlen(stream)
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
): Promise<readonly ReadonlyMap<unknown, unknown>[] | undefined> {
  try {
    const groups = (await client.xinfo('GROUPS', stream)) as readonly (readonly unknown[])[]
    return groups.map((flat) => new Map(pairsOf(flat)))
  } catch (error) {
    if (replyOf(error) === 'ERR no such key') return undefined
    throw error
  }
}

function pairsOf(flat: readonly unknown[]): readonly (readonly [unknown, unknown])[] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]] as const)
}

/** A server's refusal of the question is an answer. */
async function answerOf(count: Promise<number>): Promise<number> {
  try {
    return await count
  } catch (error) {
    const said = replyOf(error)
    if (!/^(WRONGTYPE|NOGROUP)/.test(said)) throw error
    throw new NsctlError(
      'Invalid',
      said.startsWith('NOGROUP') ? 'no such stream or group in redis' : 'the key is no stream in redis',
      {
        value: said.startsWith('NOGROUP') ? 'consumerGroup' : 'stream',
        next: said.startsWith('NOGROUP')
          ? 'make the group first (XGROUP CREATE … MKSTREAM), or give lagCount, which needs none'
          : 'use a trigger of type redis',
      },
    )
  }
}
