/** What a controller does for machines that join: listens, says where, and ends the credentials of nodes that are gone. */
import { hostname } from 'node:os'
import type { ResourceApi } from '../../api/api.ts'
import { type Clock, delay } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { Logger } from '../../core/logger.ts'
import { isOutage } from '../../engine/failures.ts'
import type { AuthorityStatus, JoinToken } from '../../resources/generated/types.ts'
import type { CredentialIssuer } from '../../store/credentials.ts'
import { readListen } from '../listening/listen.ts'
import { addressesOf } from '../node-options.ts'
import { controlPlaneIdentityOf, type Environment } from '../paths.ts'
import { AUTHORITY, openAuthority } from './authority.ts'
import { openIssuer } from './issuer.ts'
import { listenForJoins } from './listener.ts'

export interface JoinHostOptions {
  readonly env: Environment
  readonly store?: string
  readonly storeUrl: string
  readonly api: ResourceApi
  /** `address:port`. */
  readonly listen: string
  readonly clock: Clock
  readonly logger: Logger
  readonly onListening?: (address: string) => void
}

const SWEEP_MS = 10_000
const ANY = ['0.0.0.0', '::']

/** Runs until `signal` aborts. @throws NsctlError where no machine could join here at all, with what to do */
export async function hostJoins(options: JoinHostOptions, signal: AbortSignal): Promise<void> {
  const { env, api, clock, storeUrl } = options
  const logger = options.logger.with({ part: 'join listener' })
  const { host, port } = readListen(options.listen, '--join-listen')
  const issuer = await openIssuer(options)
  try {
    await issuer.check()
    const identityPath = controlPlaneIdentityOf(env)
    const authority = await openAuthority({ api, identityPath, clock, logger }, signal)
    const reached = ANY.includes(host) ? (await addressesOf(storeUrl)).addresses : [host]
    const names = [...new Set([...reached, hostname()])]
    const listener = await listenForJoins({
      ...{ api, authority, issuer, storeUrl, clock, logger },
      host,
      port,
      names,
    })
    const addresses = reached.map((one) =>
      one.includes(':') ? `[${one}]:${listener.port}` : `${one}:${listener.port}`,
    )
    await announce(api, (before) => [...addresses, ...before.filter((one) => !addresses.includes(one))])
    options.onListening?.(addresses[0] ?? options.listen)
    await Promise.all([listener.run(signal), sweep({ api, issuer, clock, logger }, signal)])
    await announce(api, (before) => before.filter((one) => !addresses.includes(one))).catch(
      (error: unknown) => logger.log('debug', `where this listened stays said: ${messageOf(error)}`),
    )
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    issuer.close()
  }
}

async function announce(
  api: Pick<ResourceApi, 'amendStatus'>,
  change: (before: readonly string[]) => readonly string[],
): Promise<void> {
  await api.amendStatus(AUTHORITY, (found) => {
    const { listeners = [] } = (found ?? {}) as AuthorityStatus
    return { listeners: change(listeners) } as unknown as Json
  })
}

export interface SweepOptions {
  readonly api: Pick<ResourceApi, 'list' | 'kinds' | 'requestDelete'>
  readonly issuer: Pick<CredentialIssuer, 'nodes' | 'revoke'>
  readonly clock: Clock
  readonly logger: Logger
}

async function sweep(options: SweepOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger } = options
  let told: string | undefined
  while (!signal.aborted) {
    try {
      await sweepOnce(options)
      told = undefined
    } catch (error) {
      const message = messageOf(error)
      if (message !== told)
        logger.log(
          isOutage(error) ? 'warn' : 'error',
          `credentials of nodes that are gone may be good still: ${message}`,
        )
      told = message
    }
    await delay(clock, SWEEP_MS, signal).catch(() => undefined)
  }
}

/** Ends credentials whose node is not there any more, and takes out tokens that have expired. */
export async function sweepOnce({ api, issuer, clock, logger }: SweepOptions): Promise<void> {
  // in this order: a node is there before it has a credential
  const issued = await issuer.nodes()
  const { items: nodes } = await api.list(api.kinds.byKind('Node'))
  const names = new Set(nodes.map(({ metadata }) => metadata.name))
  for (const node of issued) {
    if (names.has(node)) continue
    await issuer.revoke(node)
    logger.log('info', 'ended the credential of a node that is gone', { node })
  }
  const { items: tokens } = await api.list<JoinToken>(api.kinds.byKind('JoinToken'))
  for (const { metadata, spec } of tokens)
    if (!(Date.parse(spec.expiresAt) > clock.now()))
      await api.requestDelete({ kind: 'JoinToken', name: metadata.name, uid: metadata.uid })
}
