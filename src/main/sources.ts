/** What triggers may look at: each file is loaded when a trigger first names a type of it. */
import type { SourceType } from '../scaling/source.ts'

type Loading = () => Promise<SourceType>

const redisLists: Loading = async () => (await import('../scaling/sources/redis.ts')).redisLists
const redisStreams: Loading = async () => (await import('../scaling/sources/redis-streams.ts')).redisStreams

/** By type, as triggers name it. */
export const SOURCES: Readonly<Record<string, Loading>> = {
  redis: redisLists,
  'redis-cluster': redisLists,
  'redis-sentinel': redisLists,
  'redis-streams': redisStreams,
  'redis-cluster-streams': redisStreams,
  'redis-sentinel-streams': redisStreams,
}
