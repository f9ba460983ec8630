/** How long requests take, as a trigger: a quantile of a histogram that the instances, or what stands before them, expose for Prometheus. */
import type { FieldIssue } from '../kinds.ts'
import type { ReadParameters, TriggerSchema } from './schema.ts'

export const latencyTrigger: TriggerSchema = {
  types: ['latency'],
  description:
    'How long requests take, of a histogram in the instances’ own metrics, or in those of Caddy. Where there were no requests it is 0 and not active.',
  parameters: [
    {
      name: 'value',
      from: 'M',
      required: true,
      type: 'number',
      minimum: 0,
      description: 'Seconds that a request should take: 0.25.',
    },
    {
      name: 'activationValue',
      from: 'M',
      type: 'number',
      minimum: 0,
      default: '0',
      description: 'It is active where requests take longer, in seconds.',
    },
    {
      name: 'percentile',
      from: 'M',
      type: 'number',
      minimum: 1,
      default: '99',
      description: 'So many percent of the requests take no longer: 50, 90, 99.',
    },
    {
      name: 'metric',
      from: 'M',
      default: 'http_request_duration_seconds',
      description: 'The histogram, without _bucket. Caddy’s is caddy_http_request_duration_seconds.',
    },
    {
      name: 'labels',
      from: 'M',
      type: 'list',
      description: 'Only series with these labels, such as handler=/api,code=200.',
    },
    {
      name: 'window',
      from: 'M',
      type: 'duration',
      default: '60s',
      description: 'Requests of about so long a time are looked at; not shorter than a second.',
    },
    {
      name: 'url',
      from: 'M',
      type: 'url',
      description:
        'Where the metrics are, such as Caddy’s http://127.0.0.1:2019/metrics; the instances’ own where it is left out.',
    },
    {
      name: 'port',
      from: 'M',
      description:
        'The port of the instances that serves their metrics, by its name; the first where it is left out.',
    },
    { name: 'path', from: 'M', default: '/metrics', description: 'The path of the instances’ metrics.' },
  ],
  target: 'value',
  activation: 'activationValue',
  metricTypes: ['Value', 'AverageValue'],
  check: checkLatency,
}

function checkLatency(parameters: ReadParameters): readonly FieldIssue[] {
  const issues: FieldIssue[] = []
  const say = (name: string, message: string) => issues.push({ path: ['metadata', name], message })
  if (parameters.number('value') === 0) say('value', 'must be above 0')
  const percentile = parameters.number('percentile')
  if (percentile !== undefined && percentile >= 100) say('percentile', `must be below 100, not ${percentile}`)
  const windowMs = parameters.durationMs('window')
  if (windowMs !== undefined && (windowMs < 1_000 || windowMs > 3_600_000))
    say('window', 'must be between 1s and 1h')
  if (parameters.has('url') && (parameters.has('port') || parameters.has('path')))
    say('url', 'stands for port and path: leave those out')
  for (const label of parameters.list('labels'))
    if (!/^\s*[a-zA-Z_][a-zA-Z0-9_]*\s*=/.test(label))
      say('labels', `${JSON.stringify(label)} is no name=value`)
  return issues
}
