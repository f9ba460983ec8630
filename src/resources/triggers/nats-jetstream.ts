import { parameter } from './parameter.ts'
import type { TriggerSchema } from './schema.ts'

export const natsJetstreamTrigger: TriggerSchema = {
  types: ['nats-jetstream'],
  description: "A consumer's lag in a stream of NATS JetStream, read off the servers' monitoring endpoint.",
  parameters: [
    parameter('natsServerMonitoringEndpoint', 'MA', 'host:port of the monitoring endpoint.', {
      required: true,
    }),
    parameter('account', 'MA', 'The account; $G where left out.'),
    parameter('accountID', 'MA', "The account's id, instead of account."),
    parameter('stream', 'M', 'The stream.', { required: true }),
    parameter('consumer', 'M', 'The consumer.', { required: true }),
    parameter('lagThreshold', 'M', 'What the lag is compared with.', { default: '10', type: 'integer' }),
    parameter('activationLagThreshold', 'M', 'Active above it.', {
      default: '0',
      type: 'integer',
      minimum: 0,
    }),
    parameter('useHttps', 'M', 'true: over TLS.', { default: 'false', type: 'boolean' }),
  ],
  target: 'lagThreshold',
  activation: 'activationLagThreshold',
  metricTypes: ['AverageValue', 'Value'],
}
