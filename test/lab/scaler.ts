/** An external scaler over gRPC, as others write them: its number, its targets and its faults are what a test or its metadata says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import { load } from '@grpc/proto-loader'

export interface Ref {
  readonly name: string
  readonly namespace: string
  readonly scalerMetadata: Readonly<Record<string, string>>
}

export interface ExternalScaler {
  /** `127.0.0.1:20600` */
  readonly address: string
  /** The number, and active above `activation`. Tells all who listen. */
  set(value: number): void
  /** Another target. Tells all who listen for targets. */
  retarget(target: number): void
  /** Whom it was asked about, method by method. */
  readonly asked: readonly { readonly method: string; readonly ref: Ref }[]
  /** Streams that are open now. */
  readonly listening: number
  /** Ends the streams as a restart would. */
  dropStreams(): void
  stop(): Promise<void>
}

export interface ScalerOptions {
  readonly activation?: number
  readonly port?: number
  /** Has no StreamIsActive and no StreamMetricSpec. */
  readonly pullOnly?: true
  /** Has no StreamMetricSpec, as most. */
  readonly noSpecStream?: true
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string; readonly client?: true }
}

type Stream = ServerWritableStream<Ref, object>

export async function startScaler(options: ScalerOptions = {}): Promise<ExternalScaler> {
  const definition = await load(join(import.meta.dirname, 'externalscaler.proto'), {
    keepCase: true,
    defaults: true,
    longs: Number,
  })
  const loaded = loadPackageDefinition(definition).externalscaler as unknown as {
    ExternalScaler: ServiceClientConstructor
  }
  const asked: { method: string; ref: Ref }[] = []
  const streams = { active: new Set<Stream>(), specs: new Set<Stream>() }
  let [value, target] = [0, 5]
  const isActive = () => ({ result: value > (options.activation ?? 0) })
  const specsOf = ({ scalerMetadata }: Ref) => ({ metricSpecs: specs(scalerMetadata.answer, target) })
  const open = (set: Set<Stream>, stream: Stream, first: object) => {
    set.add(stream)
    for (const event of ['cancelled', 'close', 'error']) stream.on(event, () => set.delete(stream))
    stream.write(first)
  }
  const methods = {
    IsActive(call: ServerUnaryCall<Ref, object>, done: sendUnaryData<object>) {
      asked.push({ method: 'IsActive', ref: call.request })
      const fault = FAULTS[call.request.scalerMetadata.answer ?? '']
      if (fault !== undefined) done({ code: fault, details: 'no way' })
      else done(null, isActive())
    },
    GetMetricSpec(call: ServerUnaryCall<Ref, object>, done: sendUnaryData<object>) {
      asked.push({ method: 'GetMetricSpec', ref: call.request })
      done(null, specsOf(call.request))
    },
    GetMetrics(
      call: ServerUnaryCall<{ scaledObjectRef: Ref; metricName: string }, object>,
      done: sendUnaryData<object>,
    ) {
      const { scaledObjectRef: ref, metricName } = call.request
      asked.push({ method: 'GetMetrics', ref })
      done(null, { metricValues: metrics(ref.scalerMetadata.answer, metricName, value) })
    },
    StreamIsActive(stream: Stream) {
      asked.push({ method: 'StreamIsActive', ref: stream.request })
      open(streams.active, stream, isActive())
    },
    StreamMetricSpec(stream: Stream) {
      open(streams.specs, stream, specsOf(stream.request))
    },
  }
  const { StreamIsActive, StreamMetricSpec, ...pull } = methods
  const server = new Server()
  server.addService(
    loaded.ExternalScaler.service,
    options.pullOnly ? pull : options.noSpecStream ? { ...pull, StreamIsActive } : methods,
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${options.port ?? 0}`, credentials(options.tls), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  return {
    address: `127.0.0.1:${port}`,
    set(next) {
      value = next
      for (const stream of streams.active) stream.write(isActive())
    },
    retarget(next) {
      target = next
      for (const stream of streams.specs) stream.write(specsOf(stream.request))
    },
    asked,
    get listening() {
      return streams.active.size
    },
    dropStreams() {
      for (const stream of [...streams.active, ...streams.specs]) stream.end()
      streams.active.clear()
      streams.specs.clear()
    },
    async stop() {
      server.forceShutdown()
    },
  }
}

const FAULTS: Readonly<Record<string, number>> = {
  denied: status.UNAUTHENTICATED,
  forbidden: status.PERMISSION_DENIED,
  failed: status.INVALID_ARGUMENT,
  away: status.UNAVAILABLE,
}

function specs(answer: string | undefined, target: number): readonly object[] {
  const name = 'queue'
  switch (answer) {
    case 'no-metric':
      return []
    case 'twice':
      return [
        { metricName: name, targetSize: 5 },
        { metricName: name, targetSize: 5 },
      ]
    case 'no-target':
      return [{ metricName: name }]
    case 'negative-target':
      return [{ metricName: name, targetSize: -3 }]
    case 'two':
      return [
        { metricName: name, targetSize: target },
        { metricName: 'lag', targetSizeFloat: 2.5, targetSize: 1 },
      ]
    default:
      return [{ metricName: name, targetSize: target }]
  }
}

function metrics(answer: string | undefined, metricName: string, value: number): readonly object[] {
  switch (answer) {
    case 'no-value':
      return []
    case 'nan':
      return [{ metricName, metricValueFloat: Number.NaN }]
    case 'infinite':
      return [{ metricName, metricValueFloat: Number.POSITIVE_INFINITY }]
    case 'large':
      return [{ metricName: 'x'.repeat(2 << 20), metricValue: 1 }]
    case 'parts':
      return [
        { metricName, metricValue: value },
        { metricName, metricValueFloat: 0.5 },
      ]
    default:
      return metricName === 'lag'
        ? [{ metricName, metricValueFloat: 7.25 }]
        : [{ metricName, metricValue: value }]
  }
}

function credentials(tls: ScalerOptions['tls']): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure()
  const pair = { cert_chain: readFileSync(tls.cert), private_key: readFileSync(tls.key) }
  return ServerCredentials.createSsl(readFileSync(tls.ca), [pair], tls.client === true)
}
