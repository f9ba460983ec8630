/** Credentials of nodes in etcd: a user and a role each. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import type { CredentialIssuer, NodeCredential } from '../credentials.ts'
import { etcdStoreUrl } from '../etcd-url.ts'
import { type KeySpan, nodeReach } from '../node-reach.ts'
import { accessFrom } from './access.ts'
import {
  AUTH_METHODS,
  type AuthMethod,
  decodeUsers,
  decodeVersion,
  EMPTY,
  encodeGrant,
  encodeTexts,
} from './auth-messages.ts'
import { EtcdClient } from './client.ts'
import { translate } from './errors.ts'
import { Keyspace } from './keyspace.ts'
import { type ByteRange, encodeAuthenticate, METHODS } from './messages.ts'
import { RpcError } from './rpc.ts'

export interface EtcdIssuerOptions {
  readonly endpoints: readonly string[]
  readonly prefix: string
  readonly secure: boolean
  /** Names a user with the role root. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
}

/**
 * From these on etcd holds users to their roles. Before, nested transactions pass over them (CVE-2026-33343), and a watch of open end
 * reads what follows (CVE-2026-73499).
 */
const TRUSTED: readonly (readonly [number, number, number])[] = [
  [3, 5, 33],
  [3, 6, 14],
  [3, 7, 1],
]

/** True for a version of etcd whose roles hold. */
export function holdsRoles(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number)
  const known = TRUSTED.find((one) => one[0] === major && one[1] === minor)
  if (known !== undefined) return patch >= known[2]
  return major > 3 || (major === 3 && minor > 7)
}

/** Connects to nothing yet. */
export function openEtcdIssuer(options: EtcdIssuerOptions): CredentialIssuer {
  return new EtcdIssuer(options)
}

class EtcdIssuer implements CredentialIssuer {
  readonly #options: EtcdIssuerOptions
  readonly #keyspace: Keyspace
  readonly #url: string
  readonly #client: EtcdClient

  constructor(options: EtcdIssuerOptions) {
    this.#options = options
    this.#keyspace = new Keyspace(options.prefix)
    this.#url = etcdStoreUrl(options)
    this.#client = this.#clientOf(options.endpoints)
  }

  /** Each member is asked: a thief would ask the weakest. */
  async check(): Promise<void> {
    for (const endpoint of this.#options.endpoints) {
      const client = this.#clientOf([endpoint])
      try {
        await this.#checkMember(endpoint, client)
      } finally {
        client.close()
      }
    }
  }

  async issue(node: string): Promise<NodeCredential> {
    const { read, write } = nodeReach(node)
    const user = this.#userOf(node)
    const password = randomBytes(32).toString('base64url')
    // what an earlier nsctl granted goes
    await this.#unless(/role name not found/, AUTH_METHODS.roleDelete, encodeTexts(user))
    await this.#do(AUTH_METHODS.roleAdd, encodeTexts(user))
    await this.#grant(user, { key: this.#keyspace.formatKey }, false)
    for (const span of read) await this.#grant(user, this.#rangeOf(span), false)
    for (const span of write) await this.#grant(user, this.#rangeOf(span), true)
    const isNew = await this.#unless(
      /user name already exists/,
      AUTH_METHODS.userAdd,
      encodeTexts(user, password),
    )
    // whoever has the one before must not go on with it
    if (!isNew) await this.#do(AUTH_METHODS.userChangePassword, encodeTexts(user, password))
    await this.#do(AUTH_METHODS.userGrantRole, encodeTexts(user, user))
    return { ETCDCTL_USER: user, ETCDCTL_PASSWORD: password }
  }

  async revoke(node: string): Promise<void> {
    const user = this.#userOf(node)
    await this.#unless(/user name not found/, AUTH_METHODS.userDelete, encodeTexts(user))
    await this.#unless(/role name not found/, AUTH_METHODS.roleDelete, encodeTexts(user))
  }

  async nodes(): Promise<readonly string[]> {
    const prefix = this.#userOf('')
    const users = decodeUsers(await this.#do(AUTH_METHODS.userList, EMPTY))
    // of a store whose prefix goes on where ours ends
    return users
      .filter((user) => user.startsWith(prefix) && !user.slice(prefix.length).includes('/'))
      .map((user) => user.slice(prefix.length))
  }

  close(): void {
    this.#client.close()
  }

  async #checkMember(endpoint: string, client: EtcdClient): Promise<void> {
    const version = decodeVersion(await this.#do(AUTH_METHODS.status, EMPTY, client))
    if (!holdsRoles(version))
      throw this.#unsupported(
        `the etcd at ${endpoint} is version ${version}, whose users pass over their roles (CVE-2026-33343, CVE-2026-73499)`,
        'upgrade etcd to 3.5.33, 3.6.14, 3.7.1 or later; until then every user of it reads and writes all of it',
      )
    const said = await client.change(METHODS.authenticate, encodeAuthenticate('nobody', 'x')).catch(String)
    if (typeof said === 'string' && /authentication is not enabled/.test(said))
      throw this.#unsupported(
        'etcd lets everybody do everything: its authentication is not enabled',
        'make a user root with the role root, then: etcdctl auth enable',
      )
    await this.nodes()
  }

  #unsupported(why: string, next: string): NsctlError {
    return new NsctlError('Unsupported', `no machine can join the store ${this.#url}: ${why}`, {
      value: this.#url,
      next,
    })
  }

  #clientOf(endpoints: readonly string[]): EtcdClient {
    const { env, secure, clock } = this.#options
    const readableKey = this.#keyspace.formatKey
    return new EtcdClient({ ...accessFrom(env, secure), endpoints, readableKey, clock, random: Math.random })
  }

  /** No colon: those end a user's name in ETCDCTL_USER. */
  #userOf(node: string): string {
    return `nsctl-node/${this.#keyspace.root}${node}`
  }

  #rangeOf({ key, isPrefix }: KeySpan): ByteRange {
    const from = this.#keyspace.keyOf(key)
    if (!isPrefix) return { key: from }
    const end = Buffer.from(from)
    // each ends with a slash
    end[end.length - 1] = (end.at(-1) ?? 0) + 1
    return { key: from, end }
  }

  async #grant(role: string, range: ByteRange, isWrite: boolean): Promise<void> {
    await this.#do(AUTH_METHODS.roleGrant, encodeGrant(role, range, isWrite))
  }

  /** False where it was as `passable` says. */
  async #unless(passable: RegExp, method: AuthMethod, body: Buffer): Promise<boolean> {
    try {
      await this.#client.change(method, body)
      return true
    } catch (error) {
      if (error instanceof RpcError && passable.test(error.message)) return false
      throw this.#translated(error)
    }
  }

  async #do(method: AuthMethod, body: Buffer, client = this.#client): Promise<Buffer> {
    try {
      return await client.change(method, body)
    } catch (error) {
      throw this.#translated(error)
    }
  }

  #translated(error: unknown): unknown {
    const { env, secure } = this.#options
    if (error instanceof RpcError && /permission denied/.test(error.message))
      return new NsctlError(
        'Unreachable',
        `the store ${this.#url} refuses the user: it may not make users for nodes`,
        {
          value: this.#url,
          next: 'give the controller a user with the role root (ETCDCTL_USER), or let nodes join at one that has it',
          cause: error,
        },
      )
    const user = accessFrom(env, secure).credentials?.user
    return translate(error, { url: this.#url, user, root: this.#keyspace.root, secure, doing: 'write' })
  }
}
