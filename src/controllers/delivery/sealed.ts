/** Opens a Secret with the control plane's identity and seals it for nodes. Values are held no longer than one reconcile takes. */
import { isNsctlError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { type ConditionInput, findCondition } from '../../resources/conditions.ts'
import type { Secret } from '../../resources/generated/types.ts'
import { secretValues } from '../../resources/materials.ts'
import type { ObjectRef } from '../../resources/object.ts'
import type { Identity } from '../../secrets/identity.ts'
import type { SealedValues } from './content.ts'
import type { Standing } from './own-identity.ts'
import type { Grant } from './plan.ts'
import type { DeliveryFault } from './status.ts'

/** Opens each version once, however many nodes need it. */
export class Opened {
  readonly #place: { readonly namespace: string; readonly name: string }
  readonly #identities: readonly Identity[]
  readonly #versions = new Map<SealedValues, Promise<ReadonlyMap<string, Uint8Array>>>()

  constructor({ namespace = '', name }: ObjectRef, identities: readonly Identity[]) {
    this.#place = { namespace, name }
    this.#identities = identities
  }

  /** @throws NsctlError Failed, Invalid: see `openValue` */
  values(sealed: SealedValues): Promise<ReadonlyMap<string, Uint8Array>> {
    const known = this.#versions.get(sealed)
    if (known !== undefined) return known
    const opening = this.#open(sealed)
    this.#versions.set(sealed, opening)
    return opening
  }

  async #open(sealed: SealedValues): Promise<ReadonlyMap<string, Uint8Array>> {
    const { openValue } = await import('../../secrets/value.ts')
    const entries = Object.entries(sealed).map(async ([key, one]) => {
      const value = await openValue(one, { ...this.#place, key }, this.#identities)
      return [key, value] as const
    })
    return new Map(await Promise.all(entries))
  }

  /** The part of a Delivery's spec that holds the values. */
  async sealFor({ node, version, recipient = '' }: Grant, sealed: SealedValues): Promise<JsonObject> {
    const { sealDelivery } = await import('../../secrets/delivery.ts')
    const values = await this.values(sealed)
    return { recipient, sealed: await sealDelivery(values, { ...this.#place, version, node }, recipient) }
  }
}

/** Whether the control plane can open the Secret, tried once for each generation of it. */
export async function openableCondition(
  secret: Secret,
  standing: Standing,
  opened: Opened | undefined,
): Promise<ConditionInput> {
  const type = 'Openable'
  const sealed = secretValues(secret)
  if (sealed === undefined)
    return { type, status: 'Unknown', reason: 'NotFetched', message: 'nothing was fetched yet' }
  if (!('identities' in standing) || opened === undefined)
    return { type, status: 'False', ...faultOf(standing) }
  const { recipients = [] } = secret.spec
  // none is said where not all keys are sealed to the same: then it is to be tried
  const isSealedToUs =
    recipients.length === 0 || standing.identities.some(({ recipient }) => recipients.includes(recipient))
  if (secret.spec.sealed !== undefined && !isSealedToUs) {
    const message = `it is not sealed to the control plane: nsctl secret rekey ${secret.metadata.name} -n ${secret.metadata.namespace}`
    return { type, status: 'False', reason: 'NotARecipient', message }
  }
  const before = findCondition(secret.status?.conditions, type)
  const isKnown = before?.observedGeneration === secret.metadata.generation && before?.status === 'True'
  try {
    if (!isKnown) await opened.values(sealed)
    return { type, status: 'True', reason: 'Opens' }
  } catch (error) {
    return { type, status: 'False', ...cannotOpen(error) }
  }
}

/** Why it cannot be opened. Throws on what is no word of ours: it might hold a part of the value. */
export function cannotOpen(error: unknown): DeliveryFault {
  if (!isNsctlError(error)) throw error
  const next = error.next === undefined ? '' : `: ${error.next}`
  return { reason: 'CannotOpen', message: `${error.message}${next}` }
}

function faultOf(standing: Standing): { readonly reason: string; readonly message: string } {
  return 'fault' in standing
    ? { reason: standing.fault, message: standing.message }
    : { reason: 'CannotOpen', message: 'it cannot be opened' }
}
