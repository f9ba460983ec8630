/** Makes a trigger's parameters, short enough that a schema is a table. */
import type { TriggerParameter } from './schema.ts'

export type ParameterFacts = Omit<TriggerParameter, 'name' | 'from' | 'description'>

export function parameter(
  name: string,
  from: string,
  description: string,
  facts: ParameterFacts = {},
): TriggerParameter {
  return { name, from, description, ...facts }
}

/** Client certificates and the authority to trust, as most of KEDA's triggers take them. */
export const TLS_PARAMETERS: readonly TriggerParameter[] = [
  parameter('ca', 'A', 'Certificate of the authority to trust, PEM.'),
  parameter('cert', 'A', 'Client certificate, PEM.'),
  parameter('key', 'A', "The client certificate's key, PEM.", { secret: true }),
]
