import type { FieldIssue } from '../kinds.ts'
import { parameter, TLS_PARAMETERS } from './parameter.ts'
import type { ReadParameters, TriggerSchema } from './schema.ts'

const HTTP_MODES: readonly string[] = [
  'MessageRate',
  'DeliverGetRate',
  'PublishedToDeliveredRatio',
  'ExpectedQueueConsumptionTime',
]

export const rabbitmqTrigger: TriggerSchema = {
  types: ['rabbitmq'],
  description: "A queue's length or rate in RabbitMQ, over AMQP or its management API.",
  parameters: [
    parameter('queueName', 'M', 'The queue; with useRegex an expression.', { required: true }),
    parameter('mode', 'M', 'What is counted; all but QueueLength over HTTP only.', {
      default: 'QueueLength',
      enum: ['QueueLength', ...HTTP_MODES],
    }),
    parameter('value', 'M', 'What it is compared with.', {
      aliases: ['queueLength'],
      default: '20',
      type: 'number',
    }),
    parameter('activationValue', 'M', 'Active above it.', { default: '0', type: 'number' }),
    parameter('host', 'MEA', 'amqp://user:password@host:5672/vhost, or http://… of the management API.', {
      required: true,
      type: 'url',
      secret: true,
    }),
    parameter('protocol', 'MA', "auto goes by the host's scheme.", {
      default: 'auto',
      enum: ['auto', 'amqp', 'http'],
    }),
    parameter('vhostName', 'MA', 'The virtual host, instead of that of the host.'),
    parameter('username', 'EA', 'The user, instead of that of the host.'),
    parameter('password', 'EA', 'The password, instead of that of the host.', { secret: true }),
    parameter('useRegex', 'M', 'HTTP only. true: all queues that match queueName.', {
      default: 'false',
      type: 'boolean',
    }),
    parameter('excludeUnacknowledged', 'M', 'HTTP only. true: what was delivered does not count.', {
      default: 'false',
      type: 'boolean',
    }),
    parameter('operation', 'M', 'With useRegex: what is made of the queues.', {
      default: 'sum',
      enum: ['sum', 'avg', 'max'],
    }),
    parameter('pageSize', 'M', 'With useRegex: queues in one answer.', {
      default: '100',
      type: 'integer',
      minimum: 1,
    }),
    parameter('timeout', 'M', 'HTTP only. After so long without an answer it has failed.', {
      type: 'duration',
    }),
    parameter('tls', 'A', 'enable: over TLS.', { default: 'disable', enum: ['enable', 'disable'] }),
    ...TLS_PARAMETERS,
    parameter('keyPassword', 'A', "The key's password.", { secret: true }),
    parameter('unsafeSsl', 'M', 'true: any certificate is taken.', { default: 'false', type: 'boolean' }),
    parameter('oauthTokenURI', 'A', 'HTTP only. Where tokens are given out.', { type: 'url' }),
    parameter('scopes', 'A', 'HTTP only. What is asked for.', { aliases: ['scope'], type: 'list' }),
    parameter('clientID', 'A', 'HTTP only. The client.'),
    parameter('clientSecret', 'A', "HTTP only. The client's secret.", { secret: true }),
    parameter('endpointParams', 'A', 'HTTP only. Further parameters, as in a URL.', { secret: true }),
    parameter('workloadIdentityResource', 'A', 'Of Azure; does not act.'),
  ],
  target: 'value',
  activation: 'activationValue',
  metricTypes: ['AverageValue', 'Value'],
  check: checkRabbitmq,
}

function checkRabbitmq(parameters: ReadParameters): readonly FieldIssue[] {
  const issues: FieldIssue[] = []
  const refuse = (path: readonly string[], message: string) => issues.push({ path, message })
  const isOld = parameters.has('queueLength')
  if (isOld && parameters.has('mode'))
    refuse(['metadata', 'queueLength'], 'must not stand beside mode: use value')
  if (parameters.has('mode') && !parameters.has('value'))
    refuse(['metadata', 'value'], 'is required where mode is given')
  if (parameters.has('value') && !isOld && !parameters.has('mode'))
    refuse(['metadata', 'mode'], 'is required where value is given')
  const [hasUser, hasPassword] = ['username', 'password'].map((name) => parameters.has(name))
  if (hasUser !== hasPassword && !parameters.pending('username') && !parameters.pending('password'))
    refuse(['authenticationRef'], 'must give username and password, or neither')
  if (parameters.has('cert') !== parameters.has('key'))
    refuse(['authenticationRef'], 'must give cert and key, or neither')
  if (!parameters.pending('host')) issues.push(...checkProtocol(parameters))
  return issues
}

function checkProtocol(parameters: ReadParameters): readonly FieldIssue[] {
  const issues: FieldIssue[] = []
  const scheme = /^([a-z]+):\/\//.exec(parameters.text('host') ?? '')?.[1]
  const said = parameters.text('protocol')
  if (said === 'auto' && scheme !== undefined && !['amqp', 'amqps', 'http', 'https'].includes(scheme))
    issues.push({
      path: ['metadata', 'host'],
      message: `must begin with amqp, amqps, http or https, not ${scheme}`,
    })
  const isAmqp = said === 'amqp' || (said === 'auto' && (scheme === 'amqp' || scheme === 'amqps'))
  if (!isAmqp) return issues
  const mode = parameters.text('mode') ?? ''
  if (HTTP_MODES.includes(mode))
    issues.push({ path: ['metadata', 'mode'], message: `${mode} can be had over http only`, value: mode })
  for (const name of ['useRegex', 'excludeUnacknowledged'])
    if (parameters.flag(name)) issues.push({ path: ['metadata', name], message: 'can be had over http only' })
  if (parameters.has('timeout'))
    issues.push({ path: ['metadata', 'timeout'], message: 'can be had over http only' })
  return issues
}
