/**
 * One number that a query in InfluxDB finds. Version 2: Flux over its query api. Version 3: InfluxQL over the query api that all versions but
 * 2 have, 1.x included; SQL over its own.
 */
import { NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import type { ReadParameters } from '../../resources/triggers/schema.ts'
import type { HttpAuthentication } from '../http/authentication.ts'
import type { HttpRequest, PreparedRequest } from '../http/client.ts'
import { Endpoint, faultOf, oneValue, readUrl } from '../http/endpoint.ts'
import type { Reading, Source, SourceContext, SourceType, TriggerConfig } from '../source.ts'
import { firstFluxValue } from './influxdb/flux.ts'

export const influxdb: SourceType = {
  types: ['influxdb'],
  shareable: true,
  open: (trigger, context) => new InfluxSource(trigger, context),
}

/** How one version is asked, and what it answers. */
interface Dialect {
  readonly request: HttpRequest
  /** Undefined where there is nothing. */
  valueOf(body: string): unknown
}

class InfluxSource implements Source {
  readonly #endpoint: Endpoint
  readonly #request: PreparedRequest
  readonly #dialect: Dialect
  readonly #activation: number | undefined

  constructor(trigger: TriggerConfig, context: SourceContext) {
    const { parameters } = trigger
    this.#dialect = dialectOf(parameters)
    this.#endpoint = new Endpoint({ trigger, context, authentication: authenticationOf(parameters) })
    this.#request = this.#endpoint.prepare(this.#dialect.request)
    this.#activation = parameters.number('activationThresholdValue')
  }

  async measure(signal: AbortSignal): Promise<Reading> {
    const { body } = await this.#endpoint.ask(this.#request, signal)
    try {
      return oneValue(numberOf(this.#dialect.valueOf(body.toString())), this.#activation)
    } catch (error) {
      throw faultOf(this.#request.name, error)
    }
  }

  async close(): Promise<void> {
    this.#endpoint.close()
  }
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value
  if (value === undefined || value === null)
    throw new NsctlError('Invalid', 'the query finds nothing', {
      next: 'check the query, and how far back it looks',
    })
  throw new NsctlError('Invalid', 'the query finds what is no number', { next: 'make one number of it' })
}

function dialectOf(parameters: ReadParameters): Dialect {
  const url = readUrl(parameters.text('serverURL'), 'serverURL')
  const at = (path: string) => {
    const to = new URL(url)
    to.pathname = `${url.pathname.replace(/\/+$/, '')}${path}`
    return to
  }
  const query = parameters.text('query') ?? ''
  if (parameters.text('influxVersion') !== '3') return flux(at('/api/v2/query'), query, parameters)
  const isSql = /^flightsql$/i.test(parameters.text('queryType') ?? '')
  return isSql ? sql(at('/api/v3/query_sql'), query, parameters) : influxQl(at('/query'), query, parameters)
}

function flux(url: URL, query: string, parameters: ReadParameters): Dialect {
  url.searchParams.set('org', needed(parameters, 'organizationName'))
  const headers = { 'content-type': 'application/vnd.flux', accept: 'application/csv' }
  return { request: { url, method: 'POST', headers, body: query }, valueOf: firstFluxValue }
}

function influxQl(url: URL, query: string, parameters: ReadParameters): Dialect {
  url.searchParams.set('db', needed(parameters, 'database'))
  url.searchParams.set('q', query)
  const column = needed(parameters, 'metricKey')
  return {
    request: { url, headers: { accept: 'application/json' } },
    valueOf: (body) => lastOfSeries(body, column),
  }
}

function sql(url: URL, query: string, parameters: ReadParameters): Dialect {
  const body = JSON.stringify({ db: needed(parameters, 'database'), q: query, format: 'json' })
  const column = needed(parameters, 'metricKey')
  return {
    request: { url, method: 'POST', headers: { 'content-type': 'application/json' }, body },
    valueOf(answer) {
      const rows = parse(answer)
      if (!Array.isArray(rows)) throw foreign()
      return columnOf(rows.at(-1), column)
    },
  }
}

/** As KEDA, the last row counts. Several series are none's choice. */
function lastOfSeries(body: string, column: string): unknown {
  const answer = parse(body)
  const results = isObject(answer) ? answer.results : undefined
  if (!Array.isArray(results)) throw foreign()
  const failed = results.find((result) => isObject(result) && typeof result.error === 'string')
  if (failed !== undefined) throw new NsctlError('Invalid', `the query is refused: ${failed.error}`)
  const series = results.flatMap((result) =>
    isObject(result) && Array.isArray(result.series) ? result.series : [],
  )
  if (series.length > 1)
    throw new NsctlError('Invalid', `the query finds ${series.length} series, and one is wanted`, {
      next: 'leave out GROUP BY tags, or make one number of them',
    })
  const [only] = series
  if (only === undefined) return undefined
  const { columns, values } = only as { readonly columns?: unknown; readonly values?: unknown }
  if (!Array.isArray(columns) || !Array.isArray(values)) throw foreign()
  const row: unknown = values.at(-1)
  const at = columns.indexOf(column)
  if (at === -1) throw noColumn(column)
  return Array.isArray(row) ? row[at] : undefined
}

function columnOf(row: unknown, column: string): unknown {
  if (row === undefined) return undefined
  if (!isObject(row) || !Object.hasOwn(row, column)) throw noColumn(column)
  return row[column]
}

function noColumn(column: string): NsctlError {
  return new NsctlError('Invalid', `the query finds no column ${column}`, {
    value: 'metricKey',
    next: 'name one of the query’s columns in metricKey',
  })
}

function foreign(): NsctlError {
  return new NsctlError('Invalid', 'the answer is no result', {
    next: 'check serverURL and influxVersion',
  })
}

/** KEDA's influxdb has a token only; 1.x takes `user:password` there. */
function authenticationOf(parameters: ReadParameters): HttpAuthentication {
  const token = parameters.text('authToken')
  const secrets = token === undefined ? [] : [token]
  return { headers: authorizationOf(token), query: {}, tls: {}, oauth: undefined, secrets }
}

function authorizationOf(token: string | undefined): Record<string, string> {
  if (token === undefined) return {}
  return token.includes(':')
    ? { authorization: `Basic ${Buffer.from(token).toString('base64')}` }
    : { authorization: `Token ${token}` }
}

function needed(parameters: ReadParameters, name: string): string {
  const text = parameters.text(name)
  if (text !== undefined) return text
  const version = parameters.text('influxVersion') ?? '2'
  throw new NsctlError('Invalid', `influxVersion ${version} needs ${name}`, { value: name })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
