import { NsctlError } from '../../core/errors.ts'
import { addressText, readAddress } from '../addresses.ts'
import { AmqpConnection, AmqpRefusal, type AmqpSettings } from '../amqp/connection.ts'
import { oneNumber } from '../numbers.ts'
import { sessionSource } from '../session.ts'
import type { Source, TriggerConfig } from '../source.ts'
import { readTls, secretsOfTls, type TlsOptions } from '../tls.ts'
import { decode, readHost, readLogin } from './host.ts'

/** How many messages wait in a queue, told by a passive declaration. Throws Invalid, with a parameter's name. */
export function amqpQueue(trigger: TriggerConfig): Source {
  const { parameters } = trigger
  const settings = readSettings(trigger)
  const queue = parameters.text('queueName') ?? ''
  if (queue === '' || Buffer.byteLength(queue) > 255)
    throw new NsctlError('Invalid', 'queueName is missing, or longer than 255 bytes', { value: 'queueName' })
  const activation = parameters.number('activationValue')
  return sessionSource<AmqpConnection>({
    name: `rabbitmq at ${addressText(settings.address)}`,
    secrets: [settings.login?.password, ...secretsOfTls(settings.tls ?? {})],
    connect: (signal) => AmqpConnection.open(settings, signal),
    isOpen: (connection) => connection.isOpen,
    end: (connection) => connection.end(),
    ask: async (connection) => oneNumber(await lengthOf(connection, queue), { activation }),
    codeOf: (error) => (error instanceof AmqpRefusal ? codeOf(error) : undefined),
  })
}

async function lengthOf(connection: AmqpConnection, queue: string): Promise<number> {
  try {
    return await connection.messagesIn(queue)
  } catch (error) {
    if (error instanceof AmqpRefusal && error.status === 404)
      throw new NsctlError('Invalid', `rabbitmq has no queue ${queue}`, {
        value: queue,
        next: 'check queueName and vhostName, or declare the queue',
      })
    throw error
  }
}

function codeOf({ status, isOfChannel }: AmqpRefusal): 'Denied' | 'Invalid' | 'Unreachable' {
  if (status === 403) return 'Denied'
  // 530: no such vhost, or not for us; 320: the broker is being shut down; 405: another's own queue
  return isOfChannel || status === 530 ? 'Invalid' : 'Unreachable'
}

const PORTS: Readonly<Record<string, number>> = { 'amqp:': 5672, 'amqps:': 5671 }

function readSettings({ parameters, owner }: TriggerConfig): AmqpSettings {
  const url = readHost(parameters)
  const isSecure = url.protocol === 'amqps:' || parameters.text('tls') === 'enable'
  const tls = isSecure ? readTls(parameters) : undefined
  const port = url.port === '' ? PORTS[isSecure ? 'amqps:' : 'amqp:'] : Number(url.port)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return {
    address: readAddress(addressText({ host, port: Number(port) }), 'host'),
    tls,
    vhost: parameters.text('vhostName') || decode(url.pathname.slice(1)) || '/',
    login: readLogin(parameters, url) ?? defaultLogin(tls),
    connectionName: `nsctl-${owner.namespace}-${owner.name}`,
  }
}

/** A certificate of our own says who we are; else it is the guest that every broker has. */
function defaultLogin(tls: TlsOptions | undefined): AmqpSettings['login'] {
  return tls?.cert === undefined ? { username: 'guest', password: 'guest' } : undefined
}
