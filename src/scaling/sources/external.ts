/** Scalers of others, which speak KEDA's gRPC protocol. They bring their metrics, their targets, and whether there is work. */

import type { Clock } from '../../core/clock.ts'
import { delay } from '../../core/clock.ts'
import { isNsctlError, messageOf, NsctlError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { MetricValue, Reading, Source, SourceContext, SourceType, TriggerConfig } from '../source.ts'
import { type ScalerAddress, ScalerConnection } from './external/connection.ts'
import type {
  MetricSpec,
  MetricValueMessage,
  ScaledObjectRef,
  ScalerClient,
  ServerStream,
} from './external/protocol.ts'

export const external: SourceType = {
  types: ['external'],
  open: (trigger) => new ExternalSource(trigger),
}

export const externalPush: SourceType = {
  types: ['external-push'],
  open: (trigger, context) => new ExternalPushSource(trigger, context),
}

const FIRST_PAUSE_MS = 2_000
const LONGEST_PAUSE_MS = 60_000

class ExternalSource implements Source {
  readonly connection: ScalerConnection
  readonly ref: ScaledObjectRef

  constructor({ owner, metadata, parameters }: TriggerConfig) {
    this.connection = new ScalerConnection(readAddress(parameters))
    this.ref = { name: owner.name, namespace: owner.namespace, scalerMetadata: metadata }
  }

  async measure(signal: AbortSignal): Promise<Reading> {
    const [{ result }, { metricSpecs }] = await Promise.all([
      this.connection.call('IsActive', this.ref, signal),
      this.connection.call('GetMetricSpec', this.ref, signal),
    ])
    return this.readingOf(result, metricSpecs, signal)
  }

  async readingOf(active: boolean, specs: readonly MetricSpec[], signal: AbortSignal): Promise<Reading> {
    const names = new Set(specs.map(({ metricName }) => metricName))
    if (specs.length === 0 || names.size < specs.length)
      throw new NsctlError(
        'Invalid',
        `${this.connection.name} names ${specs.length === 0 ? 'no metric' : 'a metric twice'}`,
      )
    const metrics = await Promise.all(specs.map((spec) => this.#metric(spec, signal)))
    return { kind: 'values', metrics, active }
  }

  async close(): Promise<void> {
    this.connection.close()
  }

  /** Several values of one metric are summed, as HPA does. */
  async #metric(spec: MetricSpec, signal: AbortSignal): Promise<MetricValue> {
    const { metricName: name } = spec
    const request = { scaledObjectRef: this.ref, metricName: name }
    const { metricValues } = await this.connection.call('GetMetrics', request, signal)
    if (metricValues.length === 0)
      throw new NsctlError('Invalid', `${this.connection.name} gives no value for ${name}`, { value: name })
    const target = either(spec.targetSizeFloat, spec.targetSize)
    if (!Number.isFinite(target) || target <= 0)
      throw new NsctlError('Invalid', `${this.connection.name} gives ${target} as the target of ${name}`, {
        value: name,
        next: 'a target is more than 0',
      })
    const value = metricValues.reduce((sum, one) => sum + numberOf(one), 0)
    if (!Number.isFinite(value))
      throw new NsctlError('Invalid', `${this.connection.name} gives ${value} for ${name}`, { value: name })
    return { name, value, target }
  }
}

class ExternalPushSource extends ExternalSource {
  readonly #listening: ScalerConnection
  readonly #clock: Clock
  readonly #logger: Logger

  constructor(trigger: TriggerConfig, context: SourceContext) {
    super(trigger)
    this.#listening = new ScalerConnection(readAddress(trigger.parameters))
    this.#clock = context.clock
    this.#logger = context.logger
  }

  async listen(listener: (reading: Reading) => void, signal: AbortSignal): Promise<void> {
    const tell = async (activity: Promise<{ result: boolean }>) => {
      try {
        const [{ result }, { metricSpecs }] = await Promise.all([
          activity,
          this.connection.call('GetMetricSpec', this.ref, signal),
        ])
        const reading = await this.readingOf(result, metricSpecs, signal)
        if (!signal.aborted) listener(reading)
      } catch (error) {
        // the next poll says it with what it counts for
        this.#logger.log('debug', 'an external scaler spoke, and does not answer', {
          reason: messageOf(error),
        })
      }
    }
    const isActive = (client: ScalerClient) => client.StreamIsActive(this.ref)
    const specs = (client: ScalerClient) => client.StreamMetricSpec(this.ref)
    await Promise.all([
      this.#follow(isActive, ({ result }) => void tell(Promise.resolve({ result })), signal),
      this.#follow(specs, () => void tell(this.connection.call('IsActive', this.ref, signal)), signal).catch(
        (error) => {
          // few scalers have it, and none must
          if (!isNsctlError(error, 'Unsupported')) throw error
        },
      ),
    ])
  }

  override async close(): Promise<void> {
    this.#listening.close()
    await super.close()
  }

  /** Begins the stream again whenever it ends; rejects where the scaler does not have it. */
  async #follow<T>(
    begin: (client: ScalerClient) => ServerStream<T>,
    take: (message: T) => void,
    signal: AbortSignal,
  ): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS
    while (!signal.aborted) {
      try {
        if (await this.#listening.stream(begin, take, signal)) pauseMs = FIRST_PAUSE_MS
      } catch (error) {
        if (isNsctlError(error, 'Unsupported')) throw error
        this.#logger.log('debug', 'an external scaler cannot be listened to', { reason: messageOf(error) })
      }
      await delay(this.#clock, pauseMs, signal).catch(() => undefined)
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)
    }
  }
}

function readAddress(parameters: TriggerConfig['parameters']): ScalerAddress {
  const address = parameters.text('scalerAddress') ?? ''
  if (!/^(dns:\/{2,3}|unix:)?[^\s/@][^\s@]*$/.test(address) || /^https?:/.test(address))
    throw new NsctlError('Invalid', 'scalerAddress is no host:port', {
      value: 'scalerAddress',
      next: 'write it as scaler.example.org:6000',
    })
  const [ca, cert, key] = ['caCert', 'tlsClientCert', 'tlsClientKey'].map((name) => parameters.text(name))
  const isSecure = parameters.flag('enableTLS') || ca !== undefined || cert !== undefined
  if ((cert === undefined) !== (key === undefined))
    throw new NsctlError('Invalid', 'tlsClientCert and tlsClientKey go together', {
      value: cert === undefined ? 'tlsClientCert' : 'tlsClientKey',
    })
  const tls = isSecure ? { ca, cert, key, unsafeSsl: parameters.flag('unsafeSsl') } : undefined
  return { address, tls }
}

function numberOf({ metricValueFloat, metricValue }: MetricValueMessage): number {
  return either(metricValueFloat, metricValue)
}

/** The newer of the two fields, where it is set. */
function either(float: number, whole: string): number {
  return float !== 0 ? float : Number(whole)
}
