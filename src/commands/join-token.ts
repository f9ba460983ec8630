/** Join tokens, made for people and for machines that are set up. */
import type { Actor } from '../api/api.ts'
import type { Client } from '../client/client.ts'
import { isNsctlError, NsctlError } from '../core/errors.ts'
import { fingerprintOf } from '../join/authority.ts'
import { digestOf, newToken, tokenText } from '../join/token.ts'
import { assertJoinable } from '../main/join/issuer.ts'
import type { Authority } from '../resources/generated/types.ts'
import { API_VERSION } from '../resources/object.ts'

const AUTHORITY = { kind: 'Authority', name: 'nodes' } as const

export interface JoinTokenOptions {
  readonly nowMs: number
  readonly ttlMs: number
  readonly uses: number
  /** The only node that joins with it. */
  readonly node?: string
  /** Where join listeners are reached; as the controllers say where left out. */
  readonly addresses?: readonly string[]
  readonly actor: Actor
}

export interface MadeToken {
  readonly id: string
  /** One word, to be kept as a password is. */
  readonly text: string
}

/** @throws NsctlError Unsupported where no machine can join the store, Failed where nothing listens for one that does */
export async function makeJoinToken(client: Client, options: JoinTokenOptions): Promise<MadeToken> {
  assertJoinable(client.storeUrl)
  const { fingerprint, addresses } = await whereToJoin(client, options.addresses)
  const token = newToken(addresses, fingerprint)
  const { nowMs, ttlMs, uses, node, actor } = options
  const object = {
    apiVersion: API_VERSION,
    kind: 'JoinToken',
    metadata: { name: token.id },
    spec: {
      digest: digestOf(token.secret),
      expiresAt: new Date(nowMs + ttlMs).toISOString(),
      uses,
      ...(node === undefined ? {} : { node }),
    },
  }
  await client.create({ object, source: 'node token' }, { actor })
  return { id: token.id, text: tokenText(token) }
}

async function whereToJoin(
  client: Client,
  given: readonly string[] | undefined,
): Promise<{ readonly fingerprint: string; readonly addresses: readonly string[] }> {
  const authority = await client.get<Authority>(AUTHORITY).catch((error: unknown) => {
    if (isNsctlError(error, 'NotFound')) return undefined
    throw error
  })
  const addresses = given ?? authority?.status?.listeners ?? []
  if (authority !== undefined && addresses.length > 0)
    return { fingerprint: fingerprintOf(authority.spec.certificate), addresses }
  throw new NsctlError('Failed', 'no controller listens for machines that join', {
    next: 'start one: nsctl controller --join-listen ADDRESS:PORT',
  })
}
