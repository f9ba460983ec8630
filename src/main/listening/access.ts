/** Access to nodes for somebody who does not hold the control plane's identity: a certificate for a short time, in a file of his. */
import { readFile, stat } from 'node:fs/promises'
import type { ResourceApi } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import { messageOf, NsctlError } from '../../core/errors.ts'
import type { CallerCredentials } from '../../listener/caller.ts'
import { findAuthority } from '../join/authority.ts'
import { controlPlaneIdentityOf, type Environment } from '../paths.ts'

export interface AccessOptions {
  readonly api: Pick<ResourceApi, 'get'>
  readonly env: Environment
  readonly clock: Clock
  /** Whose it is: recorded with what he does. */
  readonly name: string
  /** All that it reaches; everything where left out. */
  readonly namespace?: string
  readonly forMs: number
}

/** The text of the file. @throws NsctlError Failed where this machine does not hold the control plane's identity */
export async function issueAccess({
  api,
  env,
  clock,
  name,
  namespace,
  forMs,
}: AccessOptions): Promise<string> {
  const authority = await findAuthority({ api, identityPath: controlPlaneIdentityOf(env) })
  const caller = { role: 'operator', name, ...(namespace === undefined ? {} : { namespace }) } as const
  const { certificate, key } = authority.issueCaller(caller, forMs, clock.now())
  return certificate + key + authority.certificate
}

const BLOCKS = /-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----\n?/g

/** @throws NsctlError Invalid for a file that holds none; Denied for one that others can read */
export async function readAccess(path: string): Promise<CallerCredentials> {
  let text: string
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0)
      throw new NsctlError('Denied', `${path} can be read by others, and it opens nodes`, {
        value: path,
        next: `chmod 600 ${path}`,
      })
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof NsctlError) throw cause
    throw new NsctlError('Invalid', `the access to nodes cannot be read: ${messageOf(cause)}`, {
      value: path,
      cause,
    })
  }
  const [certificate, key, authority, ...more] = [...text.matchAll(BLOCKS)].map(([block]) => block)
  if (
    certificate !== undefined &&
    key?.includes('PRIVATE KEY') &&
    authority !== undefined &&
    more.length === 0
  )
    return { certificate, key, authority }
  throw new NsctlError('Invalid', `${path} holds no access to nodes`, {
    value: path,
    next: 'make one where the control plane’s identity is: nsctl node access create > FILE',
  })
}
