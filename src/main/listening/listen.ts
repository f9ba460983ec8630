/** Where this machine's agent answers callers on other machines, and what it shows them. */
import { isIP } from 'node:net'
import type { ListenOptions } from '../../agent/listening/listening.ts'
import type { ResourceApi } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import { silentLogger } from '../../core/logger.ts'
import { type Authority, callerOfSubject, keyPem, newKey } from '../../join/authority.ts'
import { type Membership, renewAtMs } from '../../join/member.ts'
import type { ServingIdentity } from '../../listener/server.ts'
import { openAuthority } from '../join/authority.ts'
import { controlPlaneIdentityOf, type Environment } from '../paths.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

const LOOPBACK: ListenAddress = { host: '127.0.0.1', port: 0 }
const ANY: readonly string[] = ['0.0.0.0', '::']

/** `127.0.0.1:9443`, `[::]:9443`. @param flag whose value it is @throws NsctlError Usage */
export function readListen(text: string, flag: string): ListenAddress {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  if (host !== undefined && port <= 65_535) return { host, port }
  throw new NsctlError('Usage', `${flag} is no address with a port: ${JSON.stringify(text)}`, {
    value: text,
    next: 'write it like 10.0.0.1:9443, [::]:9443, or 127.0.0.1:0 for any port that is free',
  })
}

/** An address without a port, for what listens more than once. @param flag whose value it is @throws NsctlError Usage */
export function readHost(text: string, flag: string): ListenAddress {
  if (isIP(text) !== 0 && !ANY.includes(text)) return { host: text, port: 0 }
  throw new NsctlError('Usage', `${flag} is no address of a machine: ${JSON.stringify(text)}`, {
    value: text,
    next: 'write it like 10.0.0.1 or fd00::1, as others reach it: a port that is free is taken for each node',
  })
}

/** For others that answer on the same machine: where its own agent does, each at a port of its own. */
export function besideIt({ host }: ListenAddress, addresses: readonly string[]): ListenAddress {
  return { host: ANY.includes(host) ? (addresses[0] ?? LOOPBACK.host) : host, port: 0 }
}

export interface ListeningOptions {
  /** On loopback, at any port that is free, where left out. */
  readonly listen?: ListenAddress
  /** Where the machine is reached, by preference: for one that listens everywhere. */
  readonly addresses: readonly string[]
  readonly identity: ListenOptions['identity']
}

export function listenOptions({ listen = LOOPBACK, addresses, identity }: ListeningOptions): ListenOptions {
  const { host, port } = listen
  const reachedAt = ANY.includes(host) ? (addresses[0] ?? LOOPBACK.host) : host
  return { host, port, reachedAt, identity, callerOf: callerOfSubject }
}

/** What a machine that joined shows: the certificate that it got, as it is now. */
export function memberIdentity(current: () => Membership): ListenOptions['identity'] {
  return async () => {
    const { certificate, key, authority } = current()
    return { certificate, key, authority }
  }
}

export interface OwnIdentityOptions {
  readonly api: Pick<ResourceApi, 'get' | 'createOwned'>
  readonly env: Environment
  readonly node: string
  readonly clock: Clock
}

/** No joining: nobody renews what the control plane gave itself. */
const OWN = 'own'

/** What a machine of the control plane shows: it has the authority's key, and gives itself a certificate. */
export function ownIdentity({ api, env, node, clock }: OwnIdentityOptions): ListenOptions['identity'] {
  let authority: Authority | undefined
  let issued: ServingIdentity | undefined
  return async (signal) => {
    const identityPath = controlPlaneIdentityOf(env)
    authority ??= await openAuthority({ api, identityPath, clock, logger: silentLogger }, signal)
    if (issued !== undefined && clock.now() < renewAtMs(issued)) return issued
    const key = newKey()
    const { createPublicKey } = await import('node:crypto')
    const certificate = authority.issueNode({ node, joining: OWN }, keyPem(createPublicKey(key)), clock.now())
    issued = { certificate, key: keyPem(key), authority: authority.certificate }
    return issued
  }
}
