/** Makes what a plan asks for: Instances, each on a node that was chosen for it, and the Volumes that they use. */
import type { ResourceController } from '../../api/api.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { Service, Volume } from '../../resources/generated/types.ts'
import { NODE_LOST } from '../../resources/node.ts'
import type { ObjectRef } from '../../resources/object.ts'
import { demandOf } from '../../resources/resourcequota/measures.ts'
import type { Placer } from '../placer.ts'
import { preemptingText, tellVictims } from '../preempting.ts'
import type { Priority } from '../priorities.ts'
import { QUOTA_EXCEEDED, type Quotas } from '../quotas.ts'
import type { Finishing } from './finishing.ts'
import { makeInstance, makeVolume } from './instances.ts'
import { firstRefusal, type Seating, seating, type Unplaced } from './seating.ts'
import type { Intent, Situation } from './situation.ts'
import { replacedTexts } from './standing.ts'

export interface MakerOptions {
  readonly api: Pick<ResourceController, 'createOwned' | 'updateOwned' | 'recordEvent'>
  readonly cache: Pick<ObjectCache, 'get'>
  readonly placer: Pick<Placer, 'place' | 'retract' | 'nominations'>
  readonly quotas: Pick<Quotas, 'grant' | 'retract'>
  readonly volumesOf: (service: Service) => readonly Volume[]
}

const SOURCE = 'service-controller'

export class Maker {
  readonly #options: MakerOptions

  constructor(options: MakerOptions) {
    this.#options = options
  }

  /** Makes what the plan asks for, as far as quotas go and each on the node that is chosen for it; why something is not made is returned. */
  async make(
    situation: Situation,
    { target, base }: Intent,
    { actions }: Finishing,
    priority: Priority,
  ): Promise<Unplaced | undefined> {
    const { service, lost } = situation
    const volumes = this.#options.volumesOf(service)
    // what served before is made up first
    const seatings = (base === undefined ? [target] : [base, target]).map((template) =>
      seating(service, template, actions, { volumes, priority }),
    )
    const { ids, refusal } = this.#granted(service, seatings)
    const placed = this.#options.placer.place(
      refOf(service),
      seatings.map(({ batch }) => ({ ...batch, seats: batch.seats.filter(({ id }) => ids.has(id)) })),
    )
    const nominations = this.#options.placer.nominations(refOf(service))
    const nominated = new Set(nominations.map(({ id }) => id))
    this.#options.quotas.retract(
      placed.flatMap((one) => ('node' in one || nominated.has(one.id) ? [] : [one.id])),
    )
    const seats = new Map(seatings.flatMap(({ seats }) => [...seats]))
    const made = placed.flatMap((one) => {
      const seat = seats.get(one.id)
      if (seat === undefined || !('node' in one)) return []
      return [{ template: seat.template, identity: { ...seat.identity, node: one.node } }]
    })
    if (made.length > 0) {
      const data = made.flatMap(({ template, identity }) =>
        template.storage.map((mount) => makeVolume(service, mount.name, identity)),
      )
      const instances = made.map(({ template, identity }) =>
        makeInstance(service, template, identity, priority.value),
      )
      try {
        await this.#options.api.createOwned([...data, ...instances])
      } catch (error) {
        this.#options.placer.retract(placed.map(({ id }) => id))
        this.#options.quotas.retract(ids)
        throw error
      }
      const texts = replacedTexts(
        lost,
        made.map(({ template: { hash }, identity }) => ({ hash, ...identity })),
      )
      for (const message of texts) await this.#tell(service, message)
    }
    const { api, cache } = this.#options
    await tellVictims({ api, cache, source: SOURCE }, refOf(service), nominations)
    const unplaced = firstRefusal(placed)
    if (unplaced === undefined || refusal !== undefined)
      return refusal === undefined ? undefined : beyondQuota(situation, refusal)
    const making = preemptingText(nominations)
    return making === undefined ? unplaced : { ...unplaced, text: `${unplaced.text}; ${making}`, nominations }
  }

  #granted(service: Service, seatings: readonly Seating[]): ReturnType<Quotas['grant']> {
    const wanted = seatings.flatMap(({ batch, template }) => {
      if (batch.seats.length === 0) return []
      const use = demandOf(template)
      return batch.seats.map(({ id }) => ({ id, use }))
    })
    return this.#options.quotas.grant(refOf(service), wanted)
  }

  #tell(service: Service, message: string): Promise<void> {
    const about = refOf(service)
    return this.#options.api.recordEvent({
      ...{ about, type: 'Warning', reason: NODE_LOST, message, source: SOURCE },
    })
  }
}

const FOR_CHANGES = '; a change can do without more: update.maxSurge 0 and update.maxUnavailable 1'
const FOR_LEAVING = '; what is to leave its node can do so first: disruption.maxUnavailable 1'

/** Where nothing lacks it is a change, or leaving a node, that asks for more than is wanted. */
function beyondQuota({ service, live, standing }: Situation, text: string): Unplaced {
  const { replicas } = service.spec
  const isSurge = replicas > 0 && live.length >= replicas
  const advice = live.some((one) => standing(one).leaving) ? FOR_LEAVING : FOR_CHANGES
  return { reason: QUOTA_EXCEEDED, text: isSurge ? text + advice : text }
}

function refOf({ metadata: { namespace, name, uid } }: Service): ObjectRef & { readonly uid?: string } {
  return { kind: 'Service', namespace, name, uid }
}
