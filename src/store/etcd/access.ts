/** Who we are to etcd and whom we trust, from the variables that etcdctl reads. */
import { readFileSync } from 'node:fs'
import { messageOf, NsctlError } from '../../core/errors.ts'
import type { Credentials } from './client.ts'
import type { TlsMaterial } from './connection.ts'

export interface EtcdAccess {
  readonly credentials?: Credentials
  /** Present where the URL asks for TLS. */
  readonly tls?: TlsMaterial
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * ETCDCTL_USER (`name` or `name:password`) and ETCDCTL_PASSWORD; under `etcds:` also ETCDCTL_CACERT, ETCDCTL_CERT and ETCDCTL_KEY,
 * which name files. Throws Invalid for what does not go together or cannot be read; passwords are in no message.
 */
export function accessFrom(env: Environment, secure: boolean): EtcdAccess {
  const credentials = credentialsFrom(env)
  return {
    ...(credentials && { credentials }),
    ...(secure && { tls: tlsFrom(env) }),
  }
}

function credentialsFrom(env: Environment): Credentials | undefined {
  const given = env.ETCDCTL_USER
  if (!given) return undefined
  const colon = given.indexOf(':')
  if (colon >= 0) return { user: given.slice(0, colon), password: given.slice(colon + 1) }
  if (env.ETCDCTL_PASSWORD === undefined)
    throw new NsctlError('Invalid', `ETCDCTL_USER names ${given}, but there is no password`, {
      value: given,
      next: 'set ETCDCTL_PASSWORD too',
    })
  return { user: given, password: env.ETCDCTL_PASSWORD }
}

function tlsFrom(env: Environment): TlsMaterial {
  const ca = read(env, 'ETCDCTL_CACERT')
  const certificate = read(env, 'ETCDCTL_CERT')
  const key = read(env, 'ETCDCTL_KEY')
  if ((certificate === undefined) !== (key === undefined)) {
    const missing = key === undefined ? 'ETCDCTL_KEY' : 'ETCDCTL_CERT'
    throw new NsctlError(
      'Invalid',
      `a client certificate needs ETCDCTL_CERT and ETCDCTL_KEY; ${missing} is not set`,
      {
        value: missing,
        next: `name its file in ${missing}`,
      },
    )
  }
  return { ...(ca && { ca }), ...(certificate && { certificate }), ...(key && { key }) }
}

function read(env: Environment, name: string): Buffer | undefined {
  const file = env[name]
  if (!file) return undefined
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new NsctlError('Invalid', `${name} names ${file}, which cannot be read: ${messageOf(cause)}`, {
      value: file,
      next: 'correct the path or its permissions',
      cause,
    })
  }
}
