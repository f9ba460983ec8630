/**
 * An instant query to Prometheus' HTTP api, which VictoriaMetrics, Thanos and Mimir have as well. The time is left to the server: its clock is
 * the one that its samples carry.
 */
import { NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import type { PreparedRequest } from '../http/client.ts'
import { Endpoint, oneValue, readUrl } from '../http/endpoint.ts'
import type { Reading, Source, SourceContext, SourceType, TriggerConfig } from '../source.ts'

export const prometheus: SourceType = {
  types: ['prometheus'],
  shareable: true,
  open: (trigger, context) => new PrometheusSource(trigger, context),
}

class PrometheusSource implements Source {
  readonly #endpoint: Endpoint
  readonly #request: PreparedRequest
  readonly #activation: number | undefined
  /** Only where it was asked for in words: no series is not the same as no work, unless the user says so. */
  readonly #nothingIsZero: boolean

  constructor(trigger: TriggerConfig, context: SourceContext) {
    const { parameters } = trigger
    this.#endpoint = new Endpoint({ trigger, context })
    this.#request = this.#endpoint.prepare({
      url: queryUrl(trigger),
      headers: pairs(parameters.text('customHeaders'), 'customHeaders'),
    })
    this.#activation = parameters.number('activationThreshold')
    this.#nothingIsZero = parameters.flag('ignoreNullValues')
  }

  async measure(signal: AbortSignal): Promise<Reading> {
    const { body } = await this.#endpoint.ask(this.#request, signal)
    return oneValue(this.#valueOf(body), this.#activation)
  }

  async close(): Promise<void> {
    this.#endpoint.close()
  }

  #valueOf(body: Buffer): number {
    const { name } = this.#request
    const sample = sampleOf(body, name)
    if (sample === undefined) {
      if (this.#nothingIsZero) return 0
      throw new NsctlError('Invalid', `${name} has no series for the query`, {
        next: 'check the query and what is scraped; where no series means 0, append `or vector(0)` or set ignoreNullValues: "true"',
      })
    }
    // what Prometheus writes and JavaScript does not: +Inf
    const value = /^[+-]?Inf/i.test(sample)
      ? Number.POSITIVE_INFINITY
      : sample === ''
        ? Number.NaN
        : Number(sample)
    if (Number.isNaN(value) && this.#nothingIsZero) return 0
    if (!Number.isFinite(value))
      throw new NsctlError(
        'Invalid',
        `${name} answers ${sample.slice(0, 40)}, which is no number to scale by`,
        {
          next: 'check the query for a division by zero',
        },
      )
    return value
  }
}

function queryUrl({ parameters }: TriggerConfig): URL {
  const url = readUrl(parameters.text('serverAddress'), 'serverAddress')
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/query`
  url.searchParams.set('query', parameters.text('query') ?? '')
  const namespace = parameters.text('namespace')
  if (namespace !== undefined) url.searchParams.set('namespace', namespace)
  for (const [name, value] of Object.entries(pairs(parameters.text('queryParameters'), 'queryParameters')))
    url.searchParams.append(name, value)
  return url
}

/** KEDA's maps in one text: `key1=value1,key2=value2`, each percent-encoded where it must be. */
function pairs(text: string | undefined, parameter: string): Record<string, string> {
  const entries = (text ?? '')
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const at = part.indexOf('=')
      if (at < 1)
        throw new NsctlError('Invalid', `${parameter} has a part without a name and =`, { value: parameter })
      return [decode(part.slice(0, at).trim()), decode(part.slice(at + 1).trim())] as const
    })
  return Object.fromEntries(entries)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The one sample, as text; undefined where there is none. */
function sampleOf(body: Buffer, name: string): string | undefined {
  const answer = parse(body)
  const data = isObject(answer) && answer.status === 'success' ? answer.data : undefined
  if (!isObject(data) || !Array.isArray(data.result))
    throw new NsctlError('Invalid', `${name} answers something else than a result`, {
      next: 'check that serverAddress is the address of a Prometheus',
    })
  if (data.resultType === 'scalar') return textOf(data.result, name)
  if (data.resultType !== 'vector')
    throw new NsctlError(
      'Invalid',
      `${name} answers with a ${String(data.resultType)}, and not a vector or scalar`,
      {
        next: 'ask for one number: a range, for example, goes into avg_over_time(…)',
      },
    )
  if (data.result.length > 1)
    throw new NsctlError('Invalid', `${name} answers with ${data.result.length} series, and one is wanted`, {
      next: 'make one number of them: sum(…), max(…)',
    })
  const first: unknown = data.result[0]
  if (first === undefined) return undefined
  return textOf(isObject(first) ? first.value : undefined, name)
}

/** Of a pair of time and value. */
function textOf(pair: unknown, name: string): string | undefined {
  if (Array.isArray(pair) && pair.length === 0) return undefined
  if (Array.isArray(pair) && typeof pair[1] === 'string') return pair[1]
  throw new NsctlError('Invalid', `${name} answers with a sample that is none`)
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}
