/** What etcd, gRPC and TLS report, as the store's errors. */
import { isNsctlError, messageOf, NsctlError } from '../../core/errors.ts'
import { ConnectError } from './connections.ts'
import { RpcError, STATUS } from './rpc.ts'

export interface Situation {
  /** The store, as users name it. */
  readonly url: string
  readonly user: string | undefined
  /** Over TLS. */
  readonly secure: boolean
  /** With what all its keys begin. */
  readonly root: string
  /** What was being done. */
  readonly doing: 'read' | 'write'
}

/** The NsctlError for anything thrown while working on the store. What is none of the store's stays as it is. */
export function translate(error: unknown, situation: Situation): unknown {
  if (isNsctlError(error)) return error
  if (error instanceof ConnectError) return unreachable(error, situation)
  if (error instanceof RpcError) return refused(error, situation)
  return error
}

/** What Node says of a connection, and what to do about it. */
const CONNECTING: readonly (readonly [pattern: RegExp, what: string, next: string])[] = [
  [/ECONNREFUSED/, 'connection refused', 'start etcd there, or correct the address'],
  [/ENOTFOUND|EAI_AGAIN/, 'no such host', 'correct the address'],
  [/CERT_HAS_EXPIRED/, 'its certificate has expired', 'renew the certificate of etcd'],
  [/CERT_NOT_YET_VALID/, 'its certificate is not valid yet', 'compare the clocks of both machines'],
  [
    /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/,
    'its certificate is of an authority that is not trusted here',
    'name the file of its authority in ETCDCTL_CACERT',
  ],
  [
    /ALTNAME_INVALID/,
    'its certificate is for another name',
    'name the member as its certificate does, or renew that',
  ],
  [
    /ALERT_CERTIFICATE_EXPIRED/,
    'our certificate has expired',
    'renew the certificate that ETCDCTL_CERT names',
  ],
  [
    /ALERT_(BAD_)?CERTIFICATE|CERTIFICATE_REQUIRED|ALERT_UNKNOWN_CA/,
    'it does not take our certificate',
    'name one that its authority has signed in ETCDCTL_CERT and ETCDCTL_KEY',
  ],
]

/** What is heard from who speaks another protocol. */
const ANOTHER_PROTOCOL = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|EPROTO|ERR_HTTP2|ECONNRESET|hung up/

function describe(error: unknown, secure: boolean): { readonly what: string; readonly next: string } {
  const text = `${error instanceof Error && 'code' in error ? error.code : ''} ${messageOf(error)}`
  const known = CONNECTING.find(([pattern]) => pattern.test(text))
  if (known !== undefined) return { what: known[1], next: known[2] }
  if (!ANOTHER_PROTOCOL.test(text))
    return { what: messageOf(error), next: 'check the address and that etcd runs there' }
  return secure
    ? { what: 'it does not speak etcd’s protocol over TLS', next: 'check the address, or write etcd://' }
    : {
        what: 'it does not speak etcd’s protocol in plain text',
        next: 'check the address, or write etcds://',
      }
}

function unreachable(error: ConnectError, { url, secure }: Situation): NsctlError {
  const failures = error.failures.map((failure) => ({ ...failure, ...describe(failure.error, secure) }))
  const each = failures.map(({ endpoint, what }) => `${endpoint}: ${what}`).join('; ')
  return new NsctlError('Unreachable', `the store ${url} cannot be reached: ${each}`, {
    value: url,
    next: failures[0]?.next ?? 'check the address',
    cause: error,
  })
}

/** etcd's own words for what it refuses; see its api/v3rpc/rpctypes/error.go. */
function refused(error: RpcError, situation: Situation): NsctlError {
  const { url, user, root, secure, doing } = situation
  const fail = (
    code: 'Unreachable' | 'StoreFull' | 'StoreCorrupt' | 'TooLarge',
    what: string,
    next: string,
  ): NsctlError => new NsctlError(code, what, { value: url, next, cause: error })
  const who = user === undefined ? 'this user' : `user ${user}`
  if (/user name is empty/.test(error.message))
    return fail(
      'Unreachable',
      `the store ${url} wants a user`,
      'set ETCDCTL_USER and ETCDCTL_PASSWORD, or name a client certificate',
    )
  if (/authentication failed|user name not found/.test(error.message))
    return fail(
      'Unreachable',
      `the store ${url} does not know ${who} with this password`,
      'check ETCDCTL_USER and ETCDCTL_PASSWORD',
    )
  if (error.status === STATUS.permissionDenied)
    return fail(
      'Unreachable',
      `${who} may not ${doing} the keys under ${JSON.stringify(root)} in the store ${url}`,
      `grant it: etcdctl role grant-permission ROLE --prefix readwrite ${root}`,
    )
  if (/database space exceeded/.test(error.message))
    return fail(
      'StoreFull',
      `the store ${url} has reached its quota; nothing was written`,
      'compact and defragment etcd, then etcdctl alarm disarm; reading works meanwhile',
    )
  if (/request is too large|larger than max|too many operations/.test(error.message))
    return fail(
      'TooLarge',
      `a transaction is too large for the store ${url}: ${error.message.replace(/^etcdserver: /, '')}`,
      'make the object smaller, or split it',
    )
  if (error.status === STATUS.dataLoss)
    return fail('StoreCorrupt', `the store ${url} is damaged: ${error.message}`, 'see etcdctl alarm list')
  const { what, next } = describe(error.cause ?? error, secure)
  return fail('Unreachable', `the store ${url} does not answer: ${what}`, next)
}
