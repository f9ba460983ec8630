/** The nodes' authority, out of the store: made once, its key sealed to the control plane, so that every controller has it. */
import type { ResourceApi } from '../../api/api.ts'
import { type Clock, delay } from '../../core/clock.ts'
import { messageOf, NsctlError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { Authority, makeAuthority } from '../../join/authority.ts'
import type { Authority as AuthorityObject, Recipient } from '../../resources/generated/types.ts'
import { type AnyResource, API_VERSION } from '../../resources/object.ts'

export const AUTHORITY = { kind: 'Authority', name: 'nodes' } as const
const CONTROL_PLANE = { kind: 'Recipient', name: 'control-plane' } as const

export interface AuthorityOptions {
  readonly api: Pick<ResourceApi, 'get' | 'createOwned'>
  /** Where the control plane's age identity lies. */
  readonly identityPath: string
  readonly clock: Clock
  readonly logger: Logger
}

const RETRY_MS = 500

/**
 * Opens the authority, and makes it where there is none. Waits for the control plane's identity where no controller has led yet.
 *
 * @throws NsctlError Failed where this machine does not have the identity that it is sealed to
 */
export async function openAuthority(options: AuthorityOptions, signal: AbortSignal): Promise<Authority> {
  const { api } = options
  const recipient = await controlPlane(options, signal)
  const found = await api.get<AuthorityObject>(AUTHORITY)
  if (found !== undefined) return unseal(found, options)
  const { certificate, key } = makeAuthority(options.clock.now())
  const { seal } = await import('../../secrets/age.ts')
  const sealedKey = await seal(Buffer.from(key), [recipient])
  const { kind, name } = AUTHORITY
  const object = { apiVersion: API_VERSION, kind, metadata: { name }, spec: { certificate, sealedKey } }
  await api.createOwned([object as AnyResource])
  // ours, or that of whoever was faster
  const made = await api.get<AuthorityObject>(AUTHORITY)
  if (made === undefined)
    throw new NsctlError('Failed', 'the authority of the nodes was deleted as it was made')
  return unseal(made, options)
}

/**
 * The authority that is there.
 *
 * @throws NsctlError Failed where there is none, and where this machine does not have the identity that it is sealed to
 */
export async function findAuthority(
  options: Pick<AuthorityOptions, 'identityPath'> & { readonly api: Pick<ResourceApi, 'get'> },
): Promise<Authority> {
  const found = await options.api.get<AuthorityObject>(AUTHORITY)
  if (found !== undefined) return unseal(found, options)
  throw new NsctlError('Failed', 'the nodes have no authority yet', {
    next: 'it is made by the first nsctl up over a store of several machines, or nsctl controller --join-listen',
  })
}

async function controlPlane({ api, clock, logger }: AuthorityOptions, signal: AbortSignal): Promise<string> {
  for (let isFirst = true; ; isFirst = false) {
    const recipient = await api.get<Recipient>(CONTROL_PLANE)
    if (recipient !== undefined) return recipient.spec.key
    if (isFirst)
      logger.log('info', 'nodes can join once a controller has led and made the control plane’s identity')
    await delay(clock, RETRY_MS, signal)
  }
}

async function unseal(
  { spec }: AuthorityObject,
  { identityPath }: Pick<AuthorityOptions, 'identityPath'>,
): Promise<Authority> {
  const { readIdentities } = await import('../../secrets/identity.ts')
  const { open } = await import('../../secrets/age.ts')
  try {
    const key = await open(
      spec.sealedKey,
      await readIdentities(identityPath),
      'the key of the nodes’ authority',
    )
    return new Authority({ certificate: spec.certificate, key: Buffer.from(key).toString() })
  } catch (cause) {
    throw new NsctlError('Failed', `the authority of the nodes cannot be used here: ${messageOf(cause)}`, {
      value: identityPath,
      next: 'bring the control plane’s identity here: nsctl secret identity export on the machine that has it, nsctl secret identity import FILE --control-plane here',
      cause,
    })
  }
}
