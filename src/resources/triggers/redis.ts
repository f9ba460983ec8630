/** Redis' lists and streams; one server, a cluster, or found by sentinels. */
import type { FieldIssue } from '../kinds.ts'
import { parameter, TLS_PARAMETERS } from './parameter.ts'
import type { ReadParameters, TriggerParameter, TriggerSchema } from './schema.ts'

const CONNECTION: readonly TriggerParameter[] = [
  parameter('address', 'MEA', 'host:port; several, separated by commas, of a cluster or of sentinels.', {
    aliases: ['addresses'],
    type: 'list',
  }),
  parameter('host', 'MEA', 'Hosts, separated by commas, each with its port; instead of address.', {
    aliases: ['hosts'],
    type: 'list',
  }),
  parameter('port', 'MEA', 'Their ports, separated by commas.', { aliases: ['ports'], type: 'list' }),
  parameter('username', 'MEA', 'The user.'),
  parameter('password', 'MEA', 'The password.', { secret: true }),
  parameter('sentinelUsername', 'MEA', 'The user at the sentinels.'),
  parameter('sentinelPassword', 'MEA', 'The password at the sentinels.', { secret: true }),
  parameter('sentinelMaster', 'MEA', 'What the sentinels call the master.'),
  parameter('databaseIndex', 'M', 'The database; always 0 in a cluster.', {
    default: '0',
    type: 'integer',
    minimum: 0,
  }),
  parameter('enableTLS', 'M', 'true: over TLS.', { type: 'boolean' }),
  parameter('tls', 'A', 'enable: over TLS.', { enum: ['enable', 'disable'] }),
  parameter('unsafeSsl', 'M', 'true: any certificate is taken.', { default: 'false', type: 'boolean' }),
  ...TLS_PARAMETERS.map((one) => (one.name === 'cert' ? { ...one, aliases: ['Cert'] } : one)),
  parameter('keyPassword', 'A', "The key's password.", { secret: true }),
]

export const redisListTrigger: TriggerSchema = {
  types: ['redis', 'redis-cluster', 'redis-sentinel'],
  description: "A list's length in Redis; also of a set, a sorted set or a hash.",
  parameters: [
    parameter('listName', 'M', 'The list.', { required: true }),
    parameter('listLength', 'M', 'What its length is compared with.', { default: '5', type: 'integer' }),
    parameter('activationListLength', 'M', 'Active above it.', { default: '0', type: 'integer', minimum: 0 }),
    ...CONNECTION,
  ],
  target: 'listLength',
  activation: 'activationListLength',
  metricTypes: ['AverageValue', 'Value'],
  check: checkConnection,
}

export const redisStreamsTrigger: TriggerSchema = {
  types: ['redis-streams', 'redis-cluster-streams', 'redis-sentinel-streams'],
  description:
    "What waits in a stream of Redis: a consumer group's lag or pending entries, or the stream's length.",
  parameters: [
    parameter('stream', 'M', 'The stream.', { required: true }),
    parameter('consumerGroup', 'M', "The consumer group; without one the stream's length counts."),
    parameter('pendingEntriesCount', 'M', 'With a group: what its pending entries are compared with.', {
      default: '5',
      type: 'integer',
    }),
    parameter(
      'lagCount',
      'M',
      'With a group: what its lag is compared with, instead of pending entries. Redis 7 on.',
      {
        type: 'integer',
      },
    ),
    parameter('streamLength', 'M', "Without a group: what the stream's length is compared with.", {
      default: '5',
      type: 'integer',
    }),
    parameter('activationLagCount', 'M', 'With lagCount: active above it.', {
      default: '0',
      type: 'integer',
      minimum: 0,
    }),
    ...CONNECTION,
  ],
  target: streamTarget,
  activation: 'activationLagCount',
  metricTypes: ['AverageValue', 'Value'],
  check: checkConnection,
}

/** What is counted, as KEDA chooses it: the name of the parameter that it is compared with. */
function streamTarget(parameters: ReadParameters): string {
  if (!parameters.has('consumerGroup')) return 'streamLength'
  return parameters.has('lagCount') && parameters.number('lagCount') !== 0
    ? 'lagCount'
    : 'pendingEntriesCount'
}

function checkConnection(parameters: ReadParameters): readonly FieldIssue[] {
  const issues: FieldIssue[] = []
  const isOpen = ['address', 'host', 'port'].some((name) => parameters.pending(name))
  const hosts = parameters.list('host')
  const ports = parameters.list('port')
  const byHost = hosts.length > 0 && ports.length > 0
  if (byHost && hosts.length !== ports.length && !isOpen)
    issues.push({
      path: ['metadata', 'ports'],
      message: `must be as many as the hosts, ${hosts.length}, not ${ports.length}`,
    })
  if (parameters.list('address').length === 0 && !byHost && !isOpen)
    issues.push({ path: ['metadata', 'address'], message: 'is required, or host with port' })
  if (parameters.has('enableTLS') && parameters.has('tls'))
    issues.push({
      path: ['metadata', 'enableTLS'],
      message: 'must not stand beside tls in the TriggerAuthentication',
    })
  return issues
}
