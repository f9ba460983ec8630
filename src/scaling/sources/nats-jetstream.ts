/** What a consumer of NATS JetStream has not done yet, off the servers' monitoring endpoint: KEDA's nats-jetstream. */
import { NsctlError } from '../../core/errors.ts'
import type { ReadParameters } from '../../resources/triggers/schema.ts'
import { ConsumerLag } from '../nats/leader.ts'
import { NatsMonitoring } from '../nats/monitoring.ts'
import { oneNumber } from '../numbers.ts'
import { orAborted } from '../session.ts'
import type { SourceType } from '../source.ts'

export const natsJetstream: SourceType = {
  types: ['nats-jetstream'],
  shareable: true,
  open({ parameters }, context) {
    const base = readEndpoint(parameters)
    const account = parameters.text('account') || undefined
    const question = {
      account,
      accountId: parameters.text('accountID') || account || '$G',
      stream: required(parameters, 'stream'),
      consumer: required(parameters, 'consumer'),
    }
    const lag = new ConsumerLag(new NatsMonitoring(context, question), base, question)
    const activation = parameters.number('activationLagThreshold')
    const closing = new AbortController()
    return {
      async measure(signal) {
        const stop = AbortSignal.any([signal, closing.signal])
        stop.throwIfAborted()
        return oneNumber(await orAborted(lag.measure(stop), stop), { activation })
      },
      async close() {
        closing.abort(new NsctlError('Unreachable', `nats at ${base.origin}: the source is closed`))
      },
    }
  },
}

function readEndpoint(parameters: ReadParameters): URL {
  const scheme = parameters.flag('useHttps') ? 'https' : 'http'
  const text = `${scheme}://${parameters.text('natsServerMonitoringEndpoint') ?? ''}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.username !== '' || url.password !== '' || url.pathname !== '/')
    throw new NsctlError('Invalid', 'natsServerMonitoringEndpoint is no host:port', {
      value: 'natsServerMonitoringEndpoint',
    })
  return url
}

function required(parameters: ReadParameters, name: string): string {
  const text = parameters.text(name) ?? ''
  if (text === '') throw new NsctlError('Invalid', `${name} is missing`, { value: name })
  return text
}
