import { checkHttpAuth, HTTP_AUTH_PARAMETERS } from './http-auth.ts'
import { parameter } from './parameter.ts'
import type { TriggerSchema } from './schema.ts'

export const metricsApiTrigger: TriggerSchema = {
  types: ['metrics-api'],
  description: 'A number in the answer of an HTTP request.',
  parameters: [
    parameter('url', 'M', 'What is asked with GET.', { required: true, type: 'url' }),
    parameter(
      'valueLocation',
      'M',
      'Where the number stands: a path such as components.worker.tasks; of prometheus, a metric.',
      {
        required: true,
      },
    ),
    parameter('targetValue', 'M', 'What the number is compared with.', { type: 'number' }),
    parameter('activationTargetValue', 'M', 'Active above it.', { default: '0', type: 'number' }),
    parameter('format', 'M', 'Of the answer.', {
      default: 'json',
      enum: ['json', 'xml', 'yaml', 'prometheus'],
    }),
    parameter('unsafeSsl', 'M', 'true: any certificate is taken.', { default: 'false', type: 'boolean' }),
    parameter(
      'aggregateFromKubeServiceEndpoints',
      'M',
      "true: each instance of the URL's Service is asked.",
      {
        default: 'false',
        type: 'boolean',
      },
    ),
    parameter('aggregationType', 'M', "What is made of the instances' numbers.", {
      default: 'average',
      enum: ['average', 'sum', 'max', 'min'],
    }),
    parameter('timeout', 'M', 'After so long without an answer it has failed.', { type: 'duration' }),
    ...HTTP_AUTH_PARAMETERS,
  ],
  target: 'targetValue',
  activation: 'activationTargetValue',
  metricTypes: ['AverageValue', 'Value'],
  check: checkHttpAuth,
}
