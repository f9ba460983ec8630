/** Who must not be near. Pure. */
import type { ServicePlacement } from '../resources/generated/types.ts'
import type { Nearness } from './placement.ts'

/** What must not be near a service of this rule. */
export function avoidedBy(rule: ServicePlacement | undefined, namespace: string): readonly Nearness[] {
  const terms = rule?.antiAffinity?.service?.required
  if (terms === undefined) return []
  return terms.map((term) => ({
    service: `${term.namespace ?? namespace}/${term.service}`,
    topologyKey: term.topologyKey,
  }))
}
