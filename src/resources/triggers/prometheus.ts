import { checkHttpAuth, HTTP_AUTH_PARAMETERS } from './http-auth.ts'
import { parameter } from './parameter.ts'
import type { TriggerSchema } from './schema.ts'

export const prometheusTrigger: TriggerSchema = {
  types: ['prometheus'],
  description: "A query's number in Prometheus, or what speaks its API (VictoriaMetrics, Thanos, Mimir).",
  parameters: [
    parameter('serverAddress', 'M', 'Where it listens: http://prometheus:9090.', {
      required: true,
      type: 'url',
    }),
    parameter('query', 'M', 'A query in PromQL that gives one number.', { required: true }),
    parameter('threshold', 'M', 'What the number is compared with.', { required: true, type: 'number' }),
    parameter('activationThreshold', 'M', 'Active above it.', { default: '0', type: 'number' }),
    parameter('queryParameters', 'M', 'Further parameters of each query: key=value, separated by commas.', {
      type: 'list',
    }),
    parameter('namespace', 'M', 'Asks for this namespace only, where the server has such.'),
    parameter('customHeaders', 'M', 'Headers of each query: key=value, separated by commas.', {
      type: 'list',
    }),
    // KEDA's default is true: an empty answer is 0 then, also where what was scraped has gone
    parameter('ignoreNullValues', 'M', 'true: nothing found, or NaN, is 0. Otherwise it is an error.', {
      default: 'false',
      type: 'boolean',
    }),
    parameter('unsafeSsl', 'M', 'true: any certificate is taken.', { default: 'false', type: 'boolean' }),
    parameter('timeout', 'M', 'After so long without an answer it has failed.', { type: 'duration' }),
    parameter('awsRegion', 'MA', 'Of Amazon; does not act.'),
    parameter('identityOwner', 'M', 'Of Amazon; does not act.'),
    ...HTTP_AUTH_PARAMETERS,
  ],
  target: 'threshold',
  activation: 'activationThreshold',
  metricTypes: ['AverageValue', 'Value'],
  check: checkHttpAuth,
}
