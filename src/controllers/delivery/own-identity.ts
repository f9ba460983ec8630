/**
 * The control plane's own age identity: made at its first start, in a file that only its user can read, with a Recipient that tells
 * everybody whom to seal to. A controller that has another identity, or none, opens nothing and says so; it never makes itself a reader
 * of what was sealed to another.
 */
import type { ResourceApi } from '../../api/api.ts'
import { type Clock, delay } from '../../core/clock.ts'
import { isNsctlError, messageOf, NsctlError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import { isFenced, isOutage } from '../../engine/failures.ts'
import type { Runnable } from '../../engine/manager.ts'
import type { Recipient } from '../../resources/generated/types.ts'
import { type AnyResource, API_VERSION } from '../../resources/object.ts'
import type { Identity } from '../../secrets/identity.ts'

/** The Recipient that stands for the control plane. */
export const CONTROL_PLANE = { kind: 'Recipient', name: 'control-plane' } as const

export type OwnIdentityApi = Pick<ResourceApi, 'create' | 'get' | 'recordEvent'>

export interface OwnIdentityOptions {
  readonly api: OwnIdentityApi
  readonly cache: Pick<ObjectCache, 'get'>
  /** Where the identity lies. */
  readonly path: string
  /** This machine's name, for people. */
  readonly host: string
  readonly clock: Clock
  readonly logger: Logger
}

const FAULTS = ['IdentityMissing', 'IdentityForeign', 'IdentityUnusable'] as const
/** Why nothing can be opened: for conditions. */
export type IdentityFault = (typeof FAULTS)[number]

export function isIdentityFault(reason: string): reason is IdentityFault {
  return FAULTS.some((one) => one === reason)
}

export type Standing =
  /** The file's, the present one and those before it. */
  { readonly identities: readonly Identity[] } | { readonly fault: IdentityFault; readonly message: string }

const RETRY_MS = 1_000

export class OwnIdentity {
  readonly #options: OwnIdentityOptions
  #identities: readonly Identity[] | undefined
  #told: string | undefined

  constructor(options: OwnIdentityOptions) {
    this.#options = options
  }

  /** How it stands now. A file that is brought back is found without a restart. */
  async standing(): Promise<Standing> {
    const recipient = this.#options.cache.get<Recipient>(CONTROL_PLANE)
    // the first Secret may be faster than the runnable
    if (recipient === undefined && this.#identities === undefined) return await this.#establish()
    return await this.#judge(recipient)
  }

  /** @throws NsctlError Failed where it does not stand well */
  async identities(): Promise<readonly Identity[]> {
    const standing = await this.standing()
    if ('identities' in standing) return standing.identities
    throw new NsctlError('Failed', standing.message, { value: this.#options.path })
  }

  /** Makes what is missing, and ends. */
  runnable(): Runnable {
    const { clock, logger } = this.#options
    return {
      name: 'identity',
      run: async (signal) => {
        while (!signal.aborted) {
          try {
            await this.#establish()
            return
          } catch (error) {
            if (isFenced(error)) throw error
            const message = messageOf(error)
            // whatever it is, services run without it
            if (!isOutage(error)) {
              logger.log('error', `the control plane's recipient cannot be made: ${message}`, { error })
              return
            }
            logger.log('warn', `cannot look for the control plane's recipient, trying again: ${message}`)
          }
          await delay(clock, RETRY_MS, signal).catch(() => undefined)
        }
      },
    }
  }

  /** Makes what is not there: both of them at the first start, the Recipient where a start was killed between the two. */
  async #establish(): Promise<Standing> {
    const { api, path, logger } = this.#options
    const recipient = await api.get<Recipient>(CONTROL_PLANE)
    if (recipient === undefined) {
      const { identityAt } = await import('../../secrets/identity.ts')
      const identity = await identityAt(path).catch((error: unknown) => {
        // services run all the same
        logger.log('error', `no identity can be made for the control plane: ${messageOf(error)}`)
        return undefined
      })
      if (identity !== undefined) await this.#publish(identity)
    }
    return await this.#judge(recipient)
  }

  async #publish({ recipient }: Identity): Promise<void> {
    const object = {
      apiVersion: API_VERSION,
      kind: CONTROL_PLANE.kind,
      metadata: { name: CONTROL_PLANE.name },
      spec: { key: recipient, role: 'ControlPlane', comment: `the control plane on ${this.#options.host}` },
    } as AnyResource
    const actor = { name: 'nsctl', from: 'control plane' }
    try {
      await this.#options.api.create({ object, source: 'control plane' }, { actor })
    } catch (error) {
      if (!isNsctlError(error, 'AlreadyExists')) throw error
    }
  }

  async #judge(recipient: Recipient | undefined): Promise<Standing> {
    const standing = await this.#compare(recipient)
    if ('fault' in standing) await this.#tell(standing.fault, standing.message)
    return standing
  }

  async #compare(recipient: Recipient | undefined): Promise<Standing> {
    const { path } = this.#options
    const key = recipient?.spec.key
    const isOurs = (one: readonly Identity[]) =>
      key === undefined || one.some((each) => each.recipient === key)
    try {
      // the file may have become another
      if (this.#identities === undefined || !isOurs(this.#identities)) this.#identities = await readOwn(path)
    } catch (error) {
      this.#identities = undefined
      if (isNsctlError(error, 'NotFound'))
        return {
          fault: 'IdentityMissing',
          message: `the control plane has no identity at ${path}: bring it back, from its backup or from the machine that made it, with nsctl secret identity import FILE --control-plane`,
        }
      return { fault: 'IdentityUnusable', message: unusable(error, path) }
    }
    if (isOurs(this.#identities)) return { identities: this.#identities }
    return {
      fault: 'IdentityForeign',
      message: `Secrets are sealed to another control plane than the one whose identity is at ${path}: bring the right one here with nsctl secret identity import FILE --control-plane, or go on with this one: nsctl secret recipients remove control-plane, start nsctl again, and nsctl secret rekey --all -A`,
    }
  }

  /** Once, not with every Secret. */
  async #tell(reason: IdentityFault, message: string): Promise<void> {
    if (this.#told === message) return
    this.#told = message
    const { api, logger } = this.#options
    logger.log('error', `no Secret can be opened: ${message}`)
    const event = { about: CONTROL_PLANE, type: 'Warning', reason, message, source: 'control plane' } as const
    await api.recordEvent(event)
  }
}

function unusable(error: unknown, path: string): string {
  const next = isNsctlError(error) && error.next?.startsWith('chmod') ? error.next : undefined
  const remedy =
    next ??
    `move ${path} away and bring the right one back with nsctl secret identity import FILE --control-plane`
  return `the control plane's identity cannot be used: ${messageOf(error)}: ${remedy}`
}

async function readOwn(path: string): Promise<readonly Identity[]> {
  const { readIdentities } = await import('../../secrets/identity.ts')
  return await readIdentities(path)
}
