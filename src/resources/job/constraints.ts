/** What the schema cannot say of a Job: of its template, what the rules of a Service's say. */
import type { FieldIssue } from '../kinds.ts'
import { serviceConstraints } from '../service/constraints.ts'
import type { ManifestPlacement } from '../service/manifest-types.ts'

/** For objects that the schema has found sound. Pure. */
export function jobConstraints(object: unknown): readonly FieldIssue[] {
  const { spec } = object as {
    readonly spec: { readonly template: unknown; readonly placement?: ManifestPlacement }
  }
  const { template, placement } = spec
  const issues = serviceConstraints({ spec: { template, ...(placement && { placement }) } })
  if (placement?.strategy !== 'perNode') return issues
  const message = 'cannot be perNode: a Job has as many runs as it says'
  return [...issues, { path: ['spec', 'placement', 'strategy'], message, value: 'perNode' }]
}
