/** Numbers that a query finds: PostgreSQL, MySQL and MariaDB. */
import type { FieldIssue } from '../kinds.ts'
import { parameter } from './parameter.ts'
import type { ReadParameters, TriggerSchema } from './schema.ts'

export const postgresqlTrigger: TriggerSchema = {
  types: ['postgresql'],
  description: "A query's number in PostgreSQL.",
  parameters: [
    parameter('query', 'M', 'A query that gives one number.', { required: true }),
    parameter('targetQueryValue', 'M', 'What the number is compared with.', { type: 'number' }),
    parameter('activationTargetQueryValue', 'M', 'Active above it.', { default: '0', type: 'number' }),
    parameter('connection', 'EA', 'postgresql://user:password@host:5432/database, or key=value pairs.', {
      secret: true,
    }),
    parameter('host', 'MA', 'Where it listens, instead of connection.'),
    parameter('port', 'MA', 'Its port.', { type: 'integer', minimum: 1 }),
    parameter('userName', 'MA', 'The user.'),
    parameter('password', 'EA', 'The password.', { secret: true }),
    parameter('dbName', 'MA', 'The database.'),
    parameter('sslmode', 'MA', "libpq's: disable, allow, prefer, require, verify-ca, verify-full.", {
      enum: ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'],
    }),
  ],
  target: 'targetQueryValue',
  activation: 'activationTargetQueryValue',
  metricTypes: ['AverageValue', 'Value'],
  check: (parameters) =>
    missingOf(parameters, 'connection', ['host', 'port', 'userName', 'dbName', 'sslmode']),
}

export const mysqlTrigger: TriggerSchema = {
  types: ['mysql'],
  description: "A query's number in MySQL or MariaDB.",
  parameters: [
    parameter('query', 'M', 'A query that gives one number.', { required: true }),
    parameter('queryValue', 'M', 'What the number is compared with.', { required: true, type: 'number' }),
    parameter('activationQueryValue', 'M', 'Active above it.', { default: '0', type: 'number' }),
    parameter('connectionString', 'EA', 'user:password@tcp(host:3306)/database.', { secret: true }),
    parameter('host', 'MA', 'Where it listens, instead of connectionString.'),
    parameter('port', 'MA', 'Its port.', { type: 'integer', minimum: 1 }),
    parameter('username', 'MEA', 'The user.'),
    parameter('password', 'EA', 'The password.', { secret: true }),
    parameter('dbName', 'MA', 'The database.'),
  ],
  target: 'queryValue',
  activation: 'activationQueryValue',
  metricTypes: ['AverageValue', 'Value'],
  check: (parameters) => missingOf(parameters, 'connectionString', ['host', 'port', 'username', 'dbName']),
}

/** Without one whole address, all parts of it. */
function missingOf(
  parameters: ReadParameters,
  whole: string,
  parts: readonly string[],
): readonly FieldIssue[] {
  if (parameters.has(whole) || parameters.pending(whole)) return []
  return parts
    .filter((name) => !parameters.has(name) && !parameters.pending(name))
    .map((name) => ({ path: ['metadata', name], message: `is required where there is no ${whole}` }))
}
