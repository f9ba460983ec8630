import type { FieldIssue } from '../kinds.ts'
import { parameter } from './parameter.ts'
import type { ReadParameters, TriggerSchema } from './schema.ts'

/** What each version asks for besides. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  '2': ['organizationName'],
  '3': ['database', 'metricKey'],
}

export const influxdbTrigger: TriggerSchema = {
  types: ['influxdb'],
  description: "A query's number in InfluxDB.",
  parameters: [
    parameter('serverURL', 'MA', 'Where it listens: http://influxdb:8086.', { required: true, type: 'url' }),
    parameter('query', 'M', 'A query that gives one number.', { required: true }),
    parameter('thresholdValue', 'M', 'What the number is compared with.', { type: 'number' }),
    parameter('activationThresholdValue', 'M', 'Active above it.', { default: '0', type: 'number' }),
    parameter('authToken', 'MEA', 'The token; of version 1.x `user:password`.', { secret: true }),
    parameter('organizationName', 'MEA', 'Version 2: the organization.'),
    parameter('influxVersion', 'M', '2 is asked in Flux, 3 in InfluxQL or SQL; 1.x, in InfluxQL, as 3.', {
      default: '2',
      enum: ['2', '3'],
    }),
    parameter('queryType', 'M', 'Version 3: InfluxQL, or FlightSQL for SQL.', { default: 'InfluxQL' }),
    parameter('database', 'MA', 'Version 3: the database.'),
    parameter('metricKey', 'M', 'Version 3: the column that holds the number.'),
    parameter('unsafeSsl', 'M', 'true: any certificate is taken.', { default: 'false', type: 'boolean' }),
  ],
  target: 'thresholdValue',
  activation: 'activationThresholdValue',
  metricTypes: ['AverageValue', 'Value'],
  check: checkVersion,
}

function checkVersion(parameters: ReadParameters): readonly FieldIssue[] {
  const version = parameters.text('influxVersion') ?? ''
  const missing = (NEEDS[version] ?? []).filter((name) => !parameters.has(name) && !parameters.pending(name))
  const issues: FieldIssue[] = missing.map((name) => ({
    path: ['metadata', name],
    message: `is required with influxVersion ${version}`,
  }))
  const queryType = parameters.text('queryType') ?? ''
  if (version === '3' && !/^(influxql|flightsql)$/i.test(queryType))
    issues.push({
      path: ['metadata', 'queryType'],
      message: 'must be InfluxQL or FlightSQL',
      value: queryType,
    })
  return issues
}
