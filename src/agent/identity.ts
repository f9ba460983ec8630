/** Which key a node goes by, and whether it is the one that Secrets are sealed to for it. Pure. */
import type { ConditionInput } from '../resources/conditions.ts'

export interface NodeIdentity {
  /** The public half; undefined where the node has none. */
  readonly recipient: string | undefined
  readonly verified: ConditionInput
}

/** The condition of a Node that says whether it has the key that is pinned. */
export const IDENTITY_VERIFIED = 'IdentityVerified'
const type = IDENTITY_VERIFIED

/** The pinned key where the node has it, else its first. `own` has at least one. */
export function identityOf(node: string, own: readonly string[], pinned: string): NodeIdentity {
  if (own.includes(pinned)) {
    const message = 'it has the key that is pinned'
    return { recipient: pinned, verified: { type, status: 'True', reason: 'KeyMatches', message } }
  }
  const recipient = own[0]
  const message = `its key is ${recipient}, but ${pinned} is pinned: it cannot open what is sealed for it. If this is the same machine, set up anew: nsctl node trust ${node}`
  return { recipient, verified: { type, status: 'False', reason: 'KeyDiffers', message } }
}

/** Of a node whose key cannot be read; `why` is a sentence. */
export function noIdentity(why: string): NodeIdentity {
  return { recipient: undefined, verified: { type, status: 'False', reason: 'NoKey', message: why } }
}
