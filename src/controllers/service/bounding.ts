/** A decision as its namespace's LimitRanges and ResourceQuotas let it be carried out. Pure. */
import type { Bounds } from '../bounds.ts'
import { missingClassText, NO_PRIORITY, type Priority } from '../priorities.ts'
import type { Decision } from './decider.ts'
import type { ResolvedTemplate } from './instances.ts'
import type { Unplaced } from './seating.ts'
import { planFor, type Situation } from './situation.ts'
import type { InstanceAction } from './views.ts'

/** With what LimitRanges give to templates that do not say. */
export function filledIn(bounds: Pick<Bounds, 'fill'>, situation: Situation, decision: Decision): Decision {
  const { service, instances, lost } = situation
  const filled = (one: ResolvedTemplate): ResolvedTemplate => {
    const template = bounds.fill(service.metadata.namespace ?? '', one, [...instances, ...lost])
    return template === one.template ? one : { ...one, template }
  }
  const { target, base } = decision
  return { ...decision, target: filled(target), base: base && filled(base) }
}

export interface BoundedPlan {
  readonly actions: readonly InstanceAction[]
  /** Why nothing is made: what runs stays, as with every template that cannot be started. */
  readonly refused: Unplaced | undefined
}

/** The plan; where it would make what nobody may make here, or end something for that, the plan without. */
export function boundedPlan(
  { bounds, priority }: { readonly bounds: Pick<Bounds, 'refusal'>; readonly priority: Priority | undefined },
  situation: Situation,
  decision: Decision,
): BoundedPlan {
  const actions = planFor(situation, decision)
  if (!actions.some(makesSomething)) return { actions, refused: undefined }
  const { namespace = '' } = situation.service.metadata
  const { target, base } = decision
  const refused =
    (priority === undefined ? missingClass(situation) : undefined) ??
    bounds.refusal(namespace, target.template) ??
    (base && bounds.refusal(namespace, base.template))
  if (refused === undefined) return { actions, refused: undefined }
  return { actions: planFor(situation, { ...decision, held: true }), refused }
}

function missingClass({ service }: Situation): Unplaced {
  return { reason: NO_PRIORITY, text: missingClassText(service.spec.placement) }
}

function makesSomething(action: InstanceAction): boolean {
  return action.kind === 'create' || action.reason === 'replaced'
}
