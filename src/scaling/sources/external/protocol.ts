/**
 * KEDA's protocol of external scalers (externalscaler.proto), as a descriptor: names and numbers of its fields are the interface that scalers
 * are written against. https://keda.sh/docs/latest/concepts/external-scalers/
 */
import type { ServiceError } from '@grpc/grpc-js'

const ref = { type: 'ScaledObjectRef', id: 1 }
const metricName = { type: 'string', id: 1 }

export const DESCRIPTOR = {
  nested: {
    externalscaler: {
      nested: {
        ExternalScaler: {
          methods: {
            IsActive: { requestType: 'ScaledObjectRef', responseType: 'IsActiveResponse' },
            StreamIsActive: {
              requestType: 'ScaledObjectRef',
              responseType: 'IsActiveResponse',
              responseStream: true,
            },
            GetMetricSpec: { requestType: 'ScaledObjectRef', responseType: 'GetMetricSpecResponse' },
            GetMetrics: { requestType: 'GetMetricsRequest', responseType: 'GetMetricsResponse' },
            StreamMetricSpec: {
              requestType: 'ScaledObjectRef',
              responseType: 'GetMetricSpecResponse',
              responseStream: true,
            },
          },
        },
        ScaledObjectRef: {
          fields: {
            name: { type: 'string', id: 1 },
            namespace: { type: 'string', id: 2 },
            scalerMetadata: { keyType: 'string', type: 'string', id: 3 },
          },
        },
        IsActiveResponse: { fields: { result: { type: 'bool', id: 1 } } },
        GetMetricSpecResponse: { fields: { metricSpecs: { rule: 'repeated', type: 'MetricSpec', id: 1 } } },
        MetricSpec: {
          fields: {
            metricName,
            targetSize: { type: 'int64', id: 2 },
            targetSizeFloat: { type: 'double', id: 3 },
          },
        },
        GetMetricsRequest: {
          fields: { scaledObjectRef: ref, metricName: { type: 'string', id: 2 } },
        },
        GetMetricsResponse: { fields: { metricValues: { rule: 'repeated', type: 'MetricValue', id: 1 } } },
        MetricValue: {
          fields: {
            metricName,
            metricValue: { type: 'int64', id: 2 },
            metricValueFloat: { type: 'double', id: 3 },
          },
        },
      },
    },
  },
}

/** How messages are read: whole numbers of 64 bits as text, and what is not sent as its default. */
export const READING = { keepCase: true, longs: String, defaults: true, arrays: true } as const

export interface ScaledObjectRef {
  readonly name: string
  readonly namespace: string
  readonly scalerMetadata: Readonly<Record<string, string>>
}

export interface MetricSpec {
  readonly metricName: string
  readonly targetSize: string
  readonly targetSizeFloat: number
}

export interface MetricValueMessage {
  readonly metricName: string
  readonly metricValue: string
  readonly metricValueFloat: number
}

/** The methods, by name, and what each is asked and answers. */
export interface Unary {
  IsActive: { request: ScaledObjectRef; response: { readonly result: boolean } }
  GetMetricSpec: { request: ScaledObjectRef; response: { readonly metricSpecs: readonly MetricSpec[] } }
  GetMetrics: {
    request: { readonly scaledObjectRef: ScaledObjectRef; readonly metricName: string }
    response: { readonly metricValues: readonly MetricValueMessage[] }
  }
}

interface Cancellable {
  cancel(): void
}

export interface ServerStream<T> extends Cancellable {
  on(event: 'data', listener: (message: T) => void): this
  on(event: 'error', listener: (error: ServiceError) => void): this
  on(event: 'end', listener: () => void): this
}

type UnaryCall<M extends keyof Unary> = (
  request: Unary[M]['request'],
  done: (error: ServiceError | null, response: Unary[M]['response']) => void,
) => Cancellable

export type UnaryCalls = { readonly [M in keyof Unary]: UnaryCall<M> }

/** What grpc-js makes of the descriptor. */
export interface ScalerClient extends UnaryCalls {
  StreamIsActive(ref: ScaledObjectRef): ServerStream<{ readonly result: boolean }>
  StreamMetricSpec(ref: ScaledObjectRef): ServerStream<{ readonly metricSpecs: readonly MetricSpec[] }>
  close(): void
}
