/** Keeps a node's certificate good. */
import { type Clock, delay } from '../../core/clock.ts'
import { isNsctlError, messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { type Membership, renewAtMs, renewMembership } from '../../join/member.ts'
import { writeMembership } from './membership.ts'

export interface RenewingOptions {
  /** Where the membership is kept. */
  readonly path: string
  readonly membership: Membership
  /** Told of each that it got. */
  readonly onRenewed?: (membership: Membership) => void
  readonly clock: Clock
  readonly logger: Logger
}

/** Looked at so often: a machine may have slept through the time. */
const LOOK_MS = 60_000
/** Nobody is asked again sooner who said no. */
const REFUSED_MS = 60 * 60_000

/** Until `signal` aborts. Never rejects: a node without a certificate goes on running what it runs. */
export async function keepRenewed(options: RenewingOptions, signal: AbortSignal): Promise<void> {
  const { path, clock, logger } = options
  let { membership } = options
  let told: string | undefined
  while (!signal.aborted) {
    let afterMs = LOOK_MS
    try {
      if (clock.now() >= renewAtMs(membership)) {
        membership = await renewMembership(membership, signal)
        await writeMembership(path, membership)
        options.onRenewed?.(membership)
        logger.log('info', 'the certificate of this node was renewed', { node: membership.node })
        told = undefined
      }
    } catch (error) {
      const message = messageOf(error)
      const next = isNsctlError(error) ? error.next : undefined
      if (message !== told && !signal.aborted)
        logger.log(
          'warn',
          `the certificate of this node cannot be renewed: ${message}${next === undefined ? '' : `: ${next}`}`,
        )
      told = message
      if (isNsctlError(error, 'Failed')) afterMs = REFUSED_MS
    }
    await delay(clock, afterMs, signal).catch(() => undefined)
  }
}
