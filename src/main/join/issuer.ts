/** Who issues credentials for a store: only one for many machines has any. */
import type { Clock } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import type { CredentialIssuer } from '../../store/credentials.ts'
import { parseStoreUrl } from '../../store/url.ts'
import { type Environment, storeUrlOf } from '../paths.ts'

export interface IssuerOptions {
  readonly env: Environment
  readonly clock: Clock
  readonly store?: string
}

/** Connects to nothing yet. @throws NsctlError Unsupported where a machine cannot join a store */
export async function openIssuer({ env, clock, store }: IssuerOptions): Promise<CredentialIssuer> {
  const url = parseStoreUrl(storeUrlOf(env, store))
  if (url.engine === 'consul') {
    const { openConsulIssuer } = await import('../../store/consul/acl.ts')
    return openConsulIssuer({ url: url.url, env })
  }
  if (url.engine === 'etcd') {
    const { openEtcdIssuer } = await import('../../store/etcd/roles.ts')
    return openEtcdIssuer({ ...url, env, clock })
  }
  throw noneCanJoin(url.engine)
}

/** What no agent of another machine can reach. @throws NsctlError Unsupported where a machine cannot join a store */
export function assertJoinable(storeUrl: string): void {
  const { engine } = parseStoreUrl(storeUrl)
  if (engine !== 'consul' && engine !== 'etcd') throw noneCanJoin(engine)
}

function noneCanJoin(engine: string): NsctlError {
  return new NsctlError(
    'Unsupported',
    `no machine can join this store: a store of ${engine} is on one machine`,
    {
      value: engine,
      next: 'keep the store in Consul or etcd: nsctl store migrate --to consul://HOST:8500/nsctl',
    },
  )
}
