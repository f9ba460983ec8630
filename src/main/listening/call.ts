/** As whom this process calls nodes: with the access that it was given, or as whoever holds the control plane's identity. */
import { existsSync } from 'node:fs'
import type { ResourceApi } from '../../api/api.ts'
import type { Caller } from '../../core/caller.ts'
import type { Clock } from '../../core/clock.ts'
import { messageOf, NsctlError } from '../../core/errors.ts'
import { nodeOfSubject } from '../../join/authority.ts'
import { renewAtMs } from '../../join/member.ts'
import { type CallerCredentials, type NodeAddress, NodeCaller } from '../../listener/caller.ts'
import type { Node } from '../../resources/generated/types.ts'
import { isJudgedSilent } from '../../resources/node.ts'
import { findAuthority } from '../join/authority.ts'
import { controlPlaneIdentityOf, type Environment } from '../paths.ts'
import { readAccess } from './access.ts'

export interface CallOptions {
  readonly api: Pick<ResourceApi, 'get'>
  readonly env: Environment
  readonly clock: Clock
  /** Who it is, where this process holds the control plane's identity. */
  readonly caller: Caller
}

/** What a process gives itself is good for so long, and never leaves it. */
const OWN_MS = 60 * 60 * 1000

/** Connects to nothing yet. */
export function nodeCaller(options: CallOptions): NodeCaller {
  let own: CallerCredentials | undefined
  /** A thousand nodes may be called at once. */
  let issuing: Promise<CallerCredentials> | undefined
  return new NodeCaller({
    clock: options.clock,
    nodeOf: nodeOfSubject,
    async credentials() {
      const { NSCTL_NODE_ACCESS: given } = options.env
      if (given) return await readAccess(given)
      if (own !== undefined && options.clock.now() < renewAtMs(own)) return own
      issuing ??= issueOwn(options).finally(() => {
        issuing = undefined
      })
      own = await issuing
      return own
    },
  })
}

async function issueOwn({ api, env, clock, caller }: CallOptions): Promise<CallerCredentials> {
  const identityPath = controlPlaneIdentityOf(env)
  if (!existsSync(identityPath))
    throw new NsctlError(
      'Denied',
      'nobody here may call nodes: the control plane’s identity is on another machine',
      {
        value: identityPath,
        next: 'do it there; or get access there with nsctl node access create > FILE, and name the file with NSCTL_NODE_ACCESS',
      },
    )
  const authority = await findAuthority({ api, identityPath }).catch((cause: unknown) => {
    throw new NsctlError('Denied', `nodes cannot be called from here: ${messageOf(cause)}`, { cause })
  })
  const { certificate, key } = authority.issueCaller(caller, OWN_MS, clock.now())
  return { certificate, key, authority: authority.certificate }
}

/** Where a node is called. @throws NsctlError Unreachable where it is not, with why as its agent says */
export function addressOf({ metadata, spec, status }: Node): NodeAddress {
  const { name } = metadata
  const { joining } = spec ?? {}
  if (status?.listener !== undefined)
    return {
      ...{ node: name, listener: status.listener },
      ...(joining === undefined ? {} : { joining }),
      ...(isJudgedSilent(status) ? { isSilent: true } : {}),
    }
  const said = status?.conditions?.find(({ type }) => type === 'Listening')?.message
  const why = status?.phase === 'NotReady' ? 'its agent does not run' : (said ?? 'its agent does not listen')
  throw new NsctlError('Unreachable', `node ${name} cannot be called: ${why}`, {
    value: name,
    next: `see: nsctl describe node ${name}`,
  })
}
