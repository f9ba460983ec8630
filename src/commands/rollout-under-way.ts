/** The rollout of a Service that an order is about. */
import type { Client } from '../client/client.ts'
import { NsctlError } from '../core/errors.ts'
import type { AnyResource } from '../resources/object.ts'
import { refText } from '../resources/object.ts'
import type { RolloutId } from '../resources/rollout-orders.ts'
import { numberAt, textAt } from '../views/fields.ts'
import { mustGet, type Selected } from './selection.ts'

export interface RolloutUnderWay extends RolloutId {
  readonly service: AnyResource
  /** Counted from 0; undefined where it goes by no steps. */
  readonly step: number | undefined
  /** `step 2 of 5: pauses for 5m` */
  readonly text: string | undefined
}

/** @throws NsctlError Failed where nothing is under way, or what was changed last has not been seen yet */
export async function rolloutUnderWay(client: Client, { ref }: Selected): Promise<RolloutUnderWay> {
  const service = await mustGet(client, ref)
  const hash = textAt(service, 'status.rollout.hash')
  const revision = numberAt(service, 'status.rollout.revision')
  const observed = numberAt(service, 'status.observedGeneration') ?? 0
  if (observed < (service.metadata.generation ?? 0))
    throw new NsctlError('Failed', `what was changed last of ${refText(ref)} has not been seen yet`, {
      next: `try again, or see: nsctl rollout status ${refText(ref)}`,
    })
  if (hash === undefined || revision === undefined)
    throw new NsctlError('Failed', `nothing is being rolled out of ${refText(ref)}`, {
      next: `to go back to an earlier revision: nsctl rollout undo ${refText(ref)}`,
    })
  const step = numberAt(service, 'status.rollout.step')
  return { service, hash, revision, step, text: textAt(service, 'status.rollout.text') }
}
