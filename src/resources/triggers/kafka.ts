import type { FieldIssue } from '../kinds.ts'
import { parameter, TLS_PARAMETERS } from './parameter.ts'
import type { ReadParameters, TriggerParameter, TriggerSchema } from './schema.ts'

const GROUP: readonly TriggerParameter[] = [
  parameter('bootstrapServers', 'ME', 'host:port of brokers, separated by commas.', {
    required: true,
    type: 'list',
  }),
  parameter('consumerGroup', 'ME', 'The consumer group.', { required: true }),
  parameter(
    'partitionLimitation',
    'M',
    'Only these partitions: `1,2,10-12`. Without a topic it has no effect.',
  ),
  parameter('lagThreshold', 'M', 'What the lag is compared with.', { default: '10', type: 'integer' }),
  parameter('activationLagThreshold', 'M', 'Active above it.', { default: '0', type: 'integer', minimum: 0 }),
  parameter(
    'offsetResetPolicy',
    'M',
    'Where a consumer without an offset begins: latest counts none of what waits.',
    {
      default: 'latest',
      enum: ['latest', 'earliest'],
    },
  ),
  parameter('allowIdleConsumers', 'M', 'true: more instances than partitions may be asked for.', {
    default: 'false',
    type: 'boolean',
  }),
  parameter('excludePersistentLag', 'M', 'true: partitions whose consumer does not move on do not count.', {
    default: 'false',
    type: 'boolean',
  }),
  parameter('scaleToZeroOnInvalidOffset', 'M', 'true: a partition without a valid offset counts 0, else 1.', {
    default: 'false',
    type: 'boolean',
  }),
  parameter('limitToPartitionsWithLag', 'M', 'true: no more instances than partitions that have a lag.', {
    default: 'false',
    type: 'boolean',
  }),
  parameter(
    'ensureEvenDistributionOfPartitions',
    'M',
    'true: as many instances as divide the partitions evenly.',
    {
      default: 'false',
      type: 'boolean',
    },
  ),
]

const LOGIN: readonly TriggerParameter[] = [
  parameter('tls', 'MA', 'enable: over TLS.', { default: 'disable', enum: ['enable', 'disable'] }),
  parameter('username', 'A', 'The user.'),
  parameter('password', 'A', 'The password.', { secret: true }),
  ...TLS_PARAMETERS,
  parameter('keyPassword', 'A', "The key's password.", { secret: true }),
  parameter('awsRegion', 'M', 'Of Amazon; does not act.'),
]

export const kafkaTrigger: TriggerSchema = {
  types: ['kafka'],
  description: "A consumer group's lag in Kafka.",
  parameters: [
    ...GROUP,
    parameter('topic', 'ME', 'The topic; all that the group has offsets of where left out.'),
    parameter('fullMetadata', 'M', 'Has no effect: what is asked for is as little as will do.', {
      default: 'true',
      type: 'boolean',
    }),
    parameter('version', 'M', 'Has no effect: versions are negotiated.'),
    parameter('unsafeSsl', 'M', 'true: any certificate is taken.', { default: 'false', type: 'boolean' }),
    parameter('sasl', 'MA', 'How to log in.', {
      default: 'none',
      enum: ['none', 'plaintext', 'scram_sha256', 'scram_sha512', 'oauthbearer', 'gssapi'],
    }),
    ...LOGIN,
    parameter('saslTokenProvider', 'MA', 'oauthbearer: where tokens come from.', {
      enum: ['bearer', 'aws_msk_iam'],
    }),
    parameter('scopes', 'A', 'oauthbearer: what is asked for.', { type: 'list' }),
    parameter('oauthTokenEndpointUri', 'A', 'oauthbearer: where tokens are given out.', { type: 'url' }),
    parameter('oauthExtensions', 'A', 'oauthbearer: extensions, key=value.', { type: 'list' }),
    parameter('keytab', 'A', 'gssapi; does not act.', { secret: true }),
    parameter('realm', 'A', 'gssapi; does not act.'),
    parameter('kerberosConfig', 'A', 'gssapi; does not act.'),
    parameter('kerberosServiceName', 'A', 'gssapi; does not act.'),
    parameter('kerberosDisableFAST', 'A', 'gssapi; does not act.', { default: 'false', type: 'boolean' }),
  ],
  target: 'lagThreshold',
  activation: 'activationLagThreshold',
  metricTypes: ['AverageValue', 'Value'],
  check: checkKafka,
}

export const apacheKafkaTrigger: TriggerSchema = {
  types: ['apache-kafka'],
  description: "A consumer group's lag in Kafka; takes several topics.",
  parameters: [
    ...GROUP,
    parameter(
      'topic',
      'ME',
      'Topics, separated by commas; all that the group has offsets of where left out.',
      {
        type: 'list',
      },
    ),
    parameter('sasl', 'MA', 'How to log in.', {
      default: 'none',
      enum: ['none', 'plaintext', 'scram_sha256', 'scram_sha512', 'gssapi', 'aws_msk_iam'],
    }),
    ...LOGIN,
  ],
  target: 'lagThreshold',
  activation: 'activationLagThreshold',
  metricTypes: ['AverageValue', 'Value'],
  check: checkKafka,
}

function checkKafka(parameters: ReadParameters): readonly FieldIssue[] {
  const issues: FieldIssue[] = []
  const refuse = (name: string, message: string, value?: unknown) =>
    issues.push({ path: ['metadata', name], message, ...(value !== undefined && { value }) })
  const hasTopic = parameters.has('topic') || parameters.pending('topic')
  for (const name of ['limitToPartitionsWithLag', 'ensureEvenDistributionOfPartitions'])
    if (parameters.flag(name) && !hasTopic) refuse(name, 'needs a topic')
  if (parameters.flag('limitToPartitionsWithLag'))
    for (const name of ['allowIdleConsumers', 'ensureEvenDistributionOfPartitions'])
      if (parameters.flag(name)) refuse(name, 'must not stand beside limitToPartitionsWithLag')
  const partitions = parameters.text('partitionLimitation')
  if (partitions !== undefined && partitionsOf(partitions) === undefined)
    refuse('partitionLimitation', 'must be partitions and ranges such as 1,2,10-12', partitions)
  issues.push(...checkLogin(parameters))
  return issues
}

function checkLogin(parameters: ReadParameters): readonly FieldIssue[] {
  const issues: FieldIssue[] = []
  const sasl = parameters.text('sasl') ?? 'none'
  if (['plaintext', 'scram_sha256', 'scram_sha512'].includes(sasl)) {
    const missing = ['username', 'password'].filter(
      (name) => !parameters.has(name) && !parameters.pending(name),
    )
    if (missing.length > 0)
      issues.push({
        path: ['metadata', 'sasl'],
        message: `names ${sasl}, which needs ${missing.join(' and ')}`,
      })
  }
  const [hasCert, hasKey] = ['cert', 'key'].map((name) => parameters.has(name))
  if (hasCert !== hasKey)
    issues.push({ path: ['authenticationRef'], message: 'must give cert and key, or neither' })
  return issues
}

/** The partitions of `1,2,10-12`; undefined where it is not that. At most 10,000. */
export function partitionsOf(text: string): readonly number[] | undefined {
  const partitions = new Set<number>()
  for (const part of text.split(',')) {
    const match = /^\s*([0-9]{1,9})(?:\s*-\s*([0-9]{1,9}))?\s*$/.exec(part)
    if (match === null) return undefined
    const first = Number(match[1])
    const last = match[2] === undefined ? first : Number(match[2])
    if (last < first || last - first >= 10_000) return undefined
    for (let partition = first; partition <= last; partition++) partitions.add(partition)
  }
  return [...partitions]
}
