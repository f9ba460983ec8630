import { NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import type { ReadParameters } from '../../resources/triggers/schema.ts'
import type { HttpAuthentication } from '../http/authentication.ts'
import { Endpoint } from '../http/endpoint.ts'
import type { Source, SourceContext, TriggerConfig } from '../source.ts'
import { readTls, secretsOfTls } from '../tls.ts'
import { decode, readHost, readLogin } from './host.ts'
import { composed, type QueueFacts, readingOf } from './modes.ts'

/** One queue, or all that match an expression, over the management API. Throws Invalid, with a parameter's name. */
export function managedQueues(trigger: TriggerConfig, context: SourceContext): Source {
  const { parameters } = trigger
  const url = readHost(parameters)
  const endpoint = new Endpoint({ trigger, context, authentication: readAuthentication(parameters, url) })
  const request = endpoint.prepare({ url: addressOf(parameters, url) })
  const isRegex = parameters.flag('useRegex')
  const closing = new AbortController()
  return {
    async measure(signal) {
      const stop = AbortSignal.any([signal, closing.signal])
      stop.throwIfAborted()
      const { body } = await endpoint.ask(request, stop)
      const answer = parse(body, request.name)
      const queues = isRegex ? queuesOf(answer, request.name) : [answer]
      const facts = queues.map((queue) => factsOf(queue, parameters, request.name))
      return readingOf(isRegex ? composed(facts, parameters.text('operation') ?? 'sum') : only(facts), {
        mode: parameters.text('mode') ?? 'QueueLength',
        activation: parameters.number('activationValue') ?? 0,
      })
    },
    async close() {
      closing.abort(new NsctlError('Unreachable', `${request.name}: the source is closed`))
    },
  }
}

/** Only what is needed: a page of queues in full is larger than what is read of an answer. */
const COLUMNS = [
  'name',
  'messages',
  'messages_ready',
  'message_stats.publish_details.rate',
  'message_stats.deliver_get_details.rate',
].join(',')

/** The last part of the host's path is the vhost, the rest is where the API stands. */
function addressOf(parameters: ReadParameters, host: URL): URL {
  const parts = host.pathname.split('/').filter((part) => part !== '')
  const named = parameters.text('vhostName')
  const last = parts.pop() ?? ''
  const vhost = named || decode(last) || '/'
  const queue = encodeURIComponent(parameters.text('queueName') ?? '')
  const url = new URL(host)
  ;[url.username, url.password, url.hash, url.search] = ['', '', '', '']
  url.pathname = ['', ...parts, 'api', 'queues', encodeURIComponent(vhost)].join('/')
  if (parameters.flag('useRegex')) {
    const pageSize = parameters.number('pageSize') ?? 100
    url.search = `page=1&use_regex=true&pagination=false&name=${queue}&page_size=${pageSize}&columns=${COLUMNS}`
  } else {
    url.pathname += `/${queue}`
    url.search = `columns=${COLUMNS}`
  }
  return url
}

function readAuthentication(parameters: ReadParameters, url: URL): HttpAuthentication {
  const login = readLogin(parameters, url)
  const isSecure = url.protocol === 'https:' || parameters.text('tls') === 'enable'
  const tls = isSecure ? readTls(parameters) : {}
  const clientSecret = parameters.text('clientSecret')
  const tokenUri = parameters.text('oauthTokenURI')
  const basic = login && Buffer.from(`${login.username}:${login.password}`).toString('base64')
  const { passphrase, rejectUnauthorized: _unsafe, ...files } = tls
  return {
    headers: basic === undefined || tokenUri ? {} : { authorization: `Basic ${basic}` },
    query: {},
    tls: { ...files, ...(passphrase === undefined ? {} : { keyPassword: passphrase }) },
    oauth: tokenUri
      ? {
          tokenUri,
          clientId: parameters.text('clientID') ?? '',
          clientSecret: clientSecret ?? '',
          scopes: parameters.list('scopes'),
          more: new URLSearchParams(parameters.text('endpointParams') ?? ''),
        }
      : undefined,
    secrets: [login?.password, basic, clientSecret, ...secretsOfTls(tls)].filter((one) => one !== undefined),
  }
}

function parse(body: Buffer, name: string): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    throw notUnderstood(name)
  }
}

function queuesOf(answer: unknown, name: string): readonly unknown[] {
  if (!isObject(answer) || !Array.isArray(answer.items)) throw notUnderstood(name)
  if (Number(answer.page_count) > 1)
    throw new NsctlError('Invalid', `${name}: more queues match queueName than pageSize`, {
      value: 'pageSize',
      next: 'raise pageSize (up to 500), or match fewer queues',
    })
  return answer.items
}

function factsOf(queue: unknown, parameters: ReadParameters, name: string): QueueFacts {
  if (!isObject(queue)) throw notUnderstood(name)
  const messages = queue[parameters.flag('excludeUnacknowledged') ? 'messages_ready' : 'messages']
  if (messages === undefined || messages === null)
    throw new NsctlError(
      'Invalid',
      `${name} does not know yet what is in the queue ${String(queue.name ?? '')}`,
      {
        value: String(queue.name ?? ''),
        next: 'it knows some seconds after a queue is declared, unless its node is down',
      },
    )
  const stats = isObject(queue.message_stats) ? queue.message_stats : {}
  return {
    messages: numberOf(messages, name),
    // no statistics: nothing was published or delivered
    publishRate: rateOf(stats.publish_details, name),
    deliverGetRate: rateOf(stats.deliver_get_details, name),
  }
}

function rateOf(details: unknown, name: string): number {
  return isObject(details) && details.rate !== undefined ? numberOf(details.rate, name) : 0
}

function numberOf(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw notUnderstood(name)
  return value
}

function only(facts: readonly QueueFacts[]): QueueFacts {
  return facts[0] as QueueFacts
}

function notUnderstood(name: string): NsctlError {
  return new NsctlError('Invalid', `${name} answers what is not of RabbitMQ's management API`, {
    value: 'host',
    next: 'check that host is the address of the management API',
  })
}
