/** How many instances there should be of a Service. */
import type { AnyResource } from '../resources/object.ts'
import { numberAt } from './fields.ts'

/** Where there is one on each node, as many as nodes that match, as far as anybody has looked; else as its spec says. */
export function wantedInstances(service: AnyResource): number {
  return numberAt(service, 'status.desiredReplicas') ?? numberAt(service, 'spec.replicas') ?? 1
}
