/** Carries out what was decided of room that is to be made: victims are told in their spec, and whose they are ends them. */
import type { ResourceController } from '../api/api.ts'
import type { ObjectCache } from '../engine/cache.ts'
import type { Instance } from '../resources/generated/types.ts'
import { type ObjectRef, refText } from '../resources/object.ts'
import type { Nomination } from './nominations.ts'

/** The word for what is ended for something more important. */
export const PREEMPTED = 'Preempted'

export interface PreemptingOptions {
  readonly cache: Pick<ObjectCache, 'get'>
  readonly api: Pick<ResourceController, 'updateOwned' | 'recordEvent'>
  /** In events: `service-controller`. */
  readonly source: string
}

/** Tells those that do not know yet that they end for `asker`: a wish that is stored, so that whoever leads next goes on with it. */
export async function tellVictims(
  { cache, api, source }: PreemptingOptions,
  asker: ObjectRef & { readonly uid?: string },
  nominations: readonly Nomination[],
): Promise<void> {
  for (const { id, node, victims } of nominations) {
    const fresh = victims.flatMap((victim) => {
      const [namespace, name] = victim.split('/') as [string, string]
      const instance = cache.get<Instance>({ kind: 'Instance', namespace, name })
      const knows =
        instance === undefined || isPreempted(instance) || instance.metadata.deletionTimestamp !== undefined
      return knows ? [] : [instance]
    })
    if (fresh.length === 0) continue
    await Promise.all(
      fresh.map(({ metadata: { namespace, name, uid } }) =>
        api.updateOwned(
          { kind: 'Instance', name, ...(namespace && { namespace }), ...(uid && { uid }) },
          (spec) => ({
            ...spec,
            preemptedFor: textFor(asker, namespace),
          }),
        ),
      ),
    )
    const names = fresh.map(({ metadata }) => metadata.name).join(', ')
    const message = `ends ${names} on node/${node}, less important, to make room for ${nameOf(id)}`
    await api.recordEvent({ about: asker, type: 'Normal', reason: 'Preempting', message, source })
  }
}

/** Whether its end was wished for to make room. */
export function isPreempted({ spec }: Instance): boolean {
  return spec.preemptedFor !== undefined
}

/** `preempting batch-0-bcdfg on n2`, for people. */
export function preemptingText(nominations: readonly Nomination[]): string | undefined {
  const [first, ...others] = nominations
  if (first === undefined) return undefined
  const { node, victims } = first
  const more = others.length === 0 ? '' : `, and ${others.length} more likewise`
  return victims.length === 0
    ? `room is about to be on ${node}${more}`
    : `preempting ${victims.map(nameOf).join(', ')} on ${node}${more}`
}

/** As statuses keep them. */
export function storedNominations(
  nominations: readonly Nomination[],
): readonly { readonly instance: string; readonly node: string }[] {
  return nominations.map(({ id, node }) => ({ instance: nameOf(id), node }))
}

function textFor(asker: ObjectRef, namespace: string | undefined): string {
  return asker.namespace === namespace ? refText(asker) : `${refText(asker)} in namespace ${asker.namespace}`
}

function nameOf(id: string): string {
  return id.slice(id.indexOf('/') + 1)
}
