/** What the schema cannot say of a Job: of its template, what the rules of a Service's say. */
import type { FieldIssue } from '../kinds.ts'
import { serviceConstraints } from '../service/constraints.ts'

/** For objects that the schema has found sound. Pure. */
export function jobConstraints(object: unknown): readonly FieldIssue[] {
  const { spec } = object as { readonly spec: { readonly template: unknown } }
  return serviceConstraints({ spec: { template: spec.template } })
}
