/** What triggers may look at: each file is loaded when a trigger first names a type of it. */
import type { SourceType } from '../scaling/source.ts'

type Loading = () => Promise<SourceType>

const external: Loading = async () => (await import('../scaling/sources/external.ts')).external
const externalPush: Loading = async () => (await import('../scaling/sources/external.ts')).externalPush
const cpu: Loading = async () => (await import('../scaling/sources/cpu.ts')).cpu
const cron: Loading = async () => (await import('../scaling/sources/cron.ts')).cron
const io: Loading = async () => (await import('../scaling/sources/io.ts')).io
const kubernetesWorkload: Loading = async () =>
  (await import('../scaling/sources/kubernetes-workload.ts')).kubernetesWorkload
const latency: Loading = async () => (await import('../scaling/sources/latency.ts')).latency
const memory: Loading = async () => (await import('../scaling/sources/memory.ts')).memory
const service: Loading = async () => (await import('../scaling/sources/service.ts')).service
const influxdb: Loading = async () => (await import('../scaling/sources/influxdb.ts')).influxdb
const mysql: Loading = async () => (await import('../scaling/sources/mysql.ts')).mysql
const postgresql: Loading = async () => (await import('../scaling/sources/postgresql.ts')).postgresql
const natsJetstream: Loading = async () =>
  (await import('../scaling/sources/nats-jetstream.ts')).natsJetstream
const prometheus: Loading = async () => (await import('../scaling/sources/prometheus.ts')).prometheus
const kafka: Loading = async () => (await import('../scaling/sources/kafka.ts')).kafka
const metricsApi: Loading = async () => (await import('../scaling/sources/metrics-api.ts')).metricsApi
const rabbitmq: Loading = async () => (await import('../scaling/sources/rabbitmq.ts')).rabbitmq
const redisLists: Loading = async () => (await import('../scaling/sources/redis.ts')).redisLists
const redisStreams: Loading = async () => (await import('../scaling/sources/redis-streams.ts')).redisStreams
const webhook: Loading = async () => (await import('../scaling/sources/webhook.ts')).webhook

/** By type, as triggers name it. */
export const SOURCES: Readonly<Record<string, Loading>> = {
  'apache-kafka': kafka,
  cpu,
  cron,
  external,
  'external-push': externalPush,
  influxdb,
  io,
  'kubernetes-workload': kubernetesWorkload,
  latency,
  memory,
  kafka,
  'metrics-api': metricsApi,
  mysql,
  postgresql,
  'nats-jetstream': natsJetstream,
  prometheus,
  rabbitmq,
  redis: redisLists,
  'redis-cluster': redisLists,
  'redis-sentinel': redisLists,
  'redis-streams': redisStreams,
  'redis-cluster-streams': redisStreams,
  'redis-sentinel-streams': redisStreams,
  service,
  webhook,
}
