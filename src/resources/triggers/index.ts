/** Every trigger that acts, and those of KEDA's that do not. */

import { cronTrigger } from './cron.ts'
import { externalPushTrigger, externalTrigger } from './external.ts'
import { influxdbTrigger } from './influxdb.ts'
import { ioTrigger } from './io.ts'
import { apacheKafkaTrigger, kafkaTrigger } from './kafka.ts'
import { kubernetesWorkloadTrigger } from './kubernetes-workload.ts'
import { latencyTrigger } from './latency.ts'
import { metricsApiTrigger } from './metrics-api.ts'
import { natsJetstreamTrigger } from './nats-jetstream.ts'
import { prometheusTrigger } from './prometheus.ts'
import { rabbitmqTrigger } from './rabbitmq.ts'
import { redisListTrigger, redisStreamsTrigger } from './redis.ts'
import { cpuTrigger, memoryTrigger } from './resources.ts'
import type { TriggerSchema } from './schema.ts'
import { serviceTrigger } from './service.ts'
import { mysqlTrigger, postgresqlTrigger } from './sql.ts'
import { webhookTrigger } from './webhook.ts'

/** In order of name. */
export const TRIGGERS: readonly TriggerSchema[] = [
  apacheKafkaTrigger,
  cpuTrigger,
  cronTrigger,
  externalTrigger,
  externalPushTrigger,
  influxdbTrigger,
  ioTrigger,
  kafkaTrigger,
  kubernetesWorkloadTrigger,
  latencyTrigger,
  memoryTrigger,
  metricsApiTrigger,
  mysqlTrigger,
  natsJetstreamTrigger,
  postgresqlTrigger,
  prometheusTrigger,
  rabbitmqTrigger,
  redisListTrigger,
  redisStreamsTrigger,
  serviceTrigger,
  webhookTrigger,
]

/** KEDA's that have no source here: accepted, stored, and said not to act. */
export const FOREIGN_TRIGGERS: readonly string[] = [
  'activemq',
  'arangodb',
  'artemis-queue',
  'aws-cloudwatch',
  'aws-dynamodb',
  'aws-dynamodb-streams',
  'aws-kinesis-stream',
  'aws-sqs-queue',
  'azure-app-insights',
  'azure-blob',
  'azure-data-explorer',
  'azure-eventhub',
  'azure-log-analytics',
  'azure-monitor',
  'azure-pipelines',
  'azure-queue',
  'azure-servicebus',
  'beanstalkd',
  'cassandra',
  'clickhouse',
  'couchdb',
  'datadog',
  'dynatrace',
  'elastic-forecast',
  'elasticsearch',
  'etcd',
  'external-mock',
  'forgejo-runner',
  'gcp-cloudtasks',
  'gcp-pubsub',
  'gcp-spanner',
  'gcp-stackdriver',
  'gcp-storage',
  'github-runner',
  'graphite',
  'huawei-cloudeye',
  'ibmmq',
  'kubernetes-resource',
  'liiklus',
  'loki',
  'mongodb',
  'mssql',
  'new-relic',
  'nsq',
  'opensearch',
  'openstack-metric',
  'openstack-swift',
  'predictkube',
  'pulsar',
  'selenium-grid',
  'solace-direct-messaging',
  'solace-event-queue',
  'solarwinds',
  'solr',
  'splunk',
  'splunk-observability',
  'stan',
  'sumologic',
  'temporal',
]

/** Undefined for a type that has no source here. */
export function triggerSchema(type: string): TriggerSchema | undefined {
  return TRIGGERS.find(({ types }) => types.includes(type))
}
