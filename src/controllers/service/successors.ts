/** What has to end before its successor can start ends only where that would have a node: what serves is not given up for nothing. Pure. */
import type { Batch } from '../../placement/placement.ts'
import type { Instance } from '../../resources/generated/types.ts'
import { type SeatingOptions, seating, type Unplaced } from './seating.ts'
import { type Intent, type Situation, stopsFirst } from './situation.ts'
import type { Standing } from './standing.ts'
import type { InstanceAction } from './views.ts'

export interface Kept {
  /** What is carried out. */
  readonly actions: readonly InstanceAction[]
  /** Why something of it is not. */
  readonly unplaced: Unplaced | undefined
}

/** Why the batch would not be made once these were gone; undefined where it would. */
export type Trial = (batch: Batch, leaving: readonly string[]) => Unplaced | undefined

/** An attempt that no instance has: nothing is made of it. */
const NO_ATTEMPT = -1

/** Leaves out of `actions` what would end for a successor that has no place. What is forced off its node, and what has its data there, ends in any case. */
export function keepServing(
  situation: Situation,
  { target }: Intent,
  actions: readonly InstanceAction[],
  { trial, ...seats }: SeatingOptions & { readonly trial: Trial },
): Kept {
  const leaving = replacedFirst(situation, target.hash, actions)
  if (leaving.length === 0 || !stopsFirst(situation, target)) return { actions, unplaced: undefined }
  const following = leaving.map(({ spec }) => ({
    kind: 'create' as const,
    ...{ ordinal: spec.ordinal, attempt: NO_ATTEMPT, hash: target.hash },
    ...(situation.places !== undefined && { node: spec.node }),
  }))
  const { batch } = seating(situation.service, target, following, seats)
  const ids = leaving.map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`)
  const unplaced = trial(batch, ids)
  if (unplaced === undefined) return { actions, unplaced: undefined }
  const names = new Set(leaving.map(({ metadata }) => metadata.name))
  return {
    actions: actions.filter((action) => action.kind !== 'delete' || !names.has(action.name)),
    unplaced,
  }
}

/** What serves and is to make room for its successor. */
function replacedFirst(
  { live, isAvailable, standing }: Situation,
  hash: string,
  actions: readonly InstanceAction[],
): readonly Instance[] {
  const replaced = new Set(
    actions.flatMap((one) => (one.kind === 'delete' && one.reason === 'replaced' ? [one.name] : [])),
  )
  if (replaced.size === 0) return []
  return live.filter(
    (one) =>
      replaced.has(one.metadata.name) &&
      isAvailable(one) &&
      (standing(one).leaving ? isMovable(one, standing(one)) : one.spec.templateHash !== hash),
  )
}

/** What leaves its node to be started elsewhere. What is forced to, and what has its data there, ends all the same. */
function isMovable({ spec }: Instance, { forced }: Standing): boolean {
  return !forced && (spec.storage ?? []).length === 0
}
