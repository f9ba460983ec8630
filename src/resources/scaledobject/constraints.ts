/** What the schema cannot say of a ScaledObject: what KEDA's webhook refuses, what HPA's validation does, and rules of our own. */
import type { FieldIssue } from '../kinds.ts'
import { triggerIssues } from '../triggers/admission.ts'
import { behaviorIssues } from './behavior-rules.ts'
import { fallbackIssues, modifierIssues } from './formula-rules.ts'
import { type ScaledObjectText, usesModifiers } from './manifest-type.ts'
import { protectionIssues } from './protection-rules.ts'
import { replicaIssues } from './replica-rules.ts'
import { ruleIssues } from './rule-rules.ts'

/** For objects that the schema has found sound. Pure. */
export function scaledObjectConstraints(object: unknown): readonly FieldIssue[] {
  const scaled = object as ScaledObjectText
  return [
    ...replicaIssues(scaled),
    ...triggerIssues(scaled.spec.triggers, { inFormula: usesModifiers(scaled) }),
    ...behaviorIssues(scaled),
    ...modifierIssues(scaled),
    ...fallbackIssues(scaled),
    ...ruleIssues(scaled),
    ...protectionIssues(scaled),
  ]
}
