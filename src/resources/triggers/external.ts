/** KEDA's external scalers: programs that say over gRPC what there is to do. */
import { parameter } from './parameter.ts'
import type { TriggerParameter, TriggerSchema } from './schema.ts'

const PARAMETERS: readonly TriggerParameter[] = [
  parameter('scalerAddress', 'M', 'host:port of the scaler.', { required: true }),
  parameter('enableTLS', 'M', 'true: over TLS.', { default: 'false', type: 'boolean' }),
  parameter('unsafeSsl', 'M', 'true: any certificate is taken.', { default: 'false', type: 'boolean' }),
  parameter('caCert', 'A', 'Certificate of the authority to trust, PEM.'),
  parameter('tlsClientCert', 'A', 'Client certificate, PEM.'),
  parameter('tlsClientKey', 'A', "The client certificate's key, PEM.", { secret: true }),
]

export const externalTrigger: TriggerSchema = {
  types: ['external'],
  description:
    "A program of one's own that speaks KEDA's externalscaler protocol; it gets all metadata, and brings its target.",
  parameters: PARAMETERS,
  metricTypes: ['AverageValue', 'Value'],
  anyMetadata: true,
}

export const externalPushTrigger: TriggerSchema = {
  ...externalTrigger,
  types: ['external-push'],
  description: 'As external, and it says by itself when there is something to do.',
  push: true,
}
