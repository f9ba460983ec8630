/** What the parameter `host` of a trigger on RabbitMQ says. It may hold a password: it is in no message. */
import { NsctlError } from '../../core/errors.ts'
import type { ReadParameters } from '../../resources/triggers/schema.ts'

const SCHEMES: Readonly<Record<string, 'amqp' | 'http'>> = {
  'amqp:': 'amqp',
  'amqps:': 'amqp',
  'http:': 'http',
  'https:': 'http',
}

/** Throws Invalid, with the parameter's name. */
export function readHost(parameters: ReadParameters): URL {
  const text = parameters.text('host')
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || SCHEMES[url.protocol] === undefined || url.hostname === '')
    throw new NsctlError('Invalid', 'host is no address of RabbitMQ', {
      value: 'host',
      next: 'write it as amqp://host:5672/vhost or http://host:15672/vhost',
    })
  return url
}

/** Throws Invalid where `protocol` and `host` do not go together. */
export function protocolOf(parameters: ReadParameters): 'amqp' | 'http' {
  const byHost = SCHEMES[readHost(parameters).protocol] ?? 'http'
  const said = parameters.text('protocol') ?? 'auto'
  if (said !== 'auto' && said !== byHost)
    throw new NsctlError('Invalid', `protocol is ${said}, and host is one over ${byHost}`, {
      value: 'protocol',
    })
  return byHost
}

/** Instead of what stands in the host; undefined for none. */
export function readLogin(
  parameters: ReadParameters,
  url: URL,
): { readonly username: string; readonly password: string } | undefined {
  const [username, password] = [parameters.text('username'), parameters.text('password')]
  if (username && password) return { username, password }
  if (url.username === '' && url.password === '') return undefined
  return { username: decode(url.username), password: decode(url.password) }
}

/** Throws Invalid for escapes that are none. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new NsctlError('Invalid', 'host has an escape with % that is none', { value: 'host' })
  }
}
