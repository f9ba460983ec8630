/**
 * The key of this node: its ssh host key where it may be read, else one of its own, which is made. A node that has one of its own keeps it
 * beside a host key that has come later, since it may be what others seal to. Read once, and only when it is needed.
 */
import { existsSync } from 'node:fs'
import { isNsctlError, messageOf, NsctlError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Identity } from '../../secrets/identity.ts'
import type { NodeSeal } from './seal.ts'

export interface NodeSealOptions {
  /** The private half of the machine's ssh-ed25519 host key; undefined where the machine's identity is not this user's to use. */
  readonly hostKeyFile: string | undefined
  /** Where a key of its own lies. */
  readonly ownFile: string
  /** Whether one is made where there is none; it is where left out. */
  readonly mayMake?: boolean
  readonly logger: Logger
}

export function nodeSeal(options: NodeSealOptions): NodeSeal {
  let reading: Promise<readonly Identity[]> | undefined
  const identities = () => {
    reading ??= readKeys(options).catch((error) => {
      // it may be there the next time
      reading = undefined
      throw new NsctlError('NotFound', `its key cannot be used: ${messageOf(error)}`, { cause: error })
    })
    return reading
  }
  return {
    async recipients() {
      return (await identities()).map((one) => one.recipient)
    },
    async openDelivery(sealed, place) {
      const { openDelivery } = await import('../../secrets/delivery.ts')
      return await openDelivery(sealed, place, await identities())
    },
    async seal(plain) {
      const { seal } = await import('../../secrets/age.ts')
      const [first] = await identities()
      return await seal(plain, first === undefined ? [] : [first.recipient])
    },
    async open(sealed) {
      const { open } = await import('../../secrets/age.ts')
      return await open(sealed, await identities(), 'what is kept for the next boot')
    },
  }
}

async function readKeys({
  hostKeyFile,
  ownFile,
  mayMake = true,
  logger,
}: NodeSealOptions): Promise<readonly Identity[]> {
  const { identityAt, readIdentities } = await import('../../secrets/identity.ts')
  const host = hostKeyFile === undefined ? [] : await readHostKey(hostKeyFile, readIdentities, logger)
  if (host.length > 0 && !existsSync(ownFile)) return host
  return [...host, ...(mayMake ? [await identityAt(ownFile)] : await readIdentities(ownFile))]
}

/** None where there is none that can be used: then the node goes by a key of its own. */
async function readHostKey(
  path: string,
  read: (path: string) => Promise<readonly Identity[]>,
  logger: Logger,
): Promise<readonly Identity[]> {
  try {
    return await read(path)
  } catch (error) {
    if (!isNsctlError(error)) throw error
    if (error.code !== 'NotFound')
      logger.log(
        'warn',
        `cannot use the ssh host key, so this node has a key of its own: ${messageOf(error)}`,
      )
    return []
  }
}
