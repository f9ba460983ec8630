/** The nodes of a store of several machines, as commands on this one see them. */
import type { ResourceApi } from '../../api/api.ts'
import type { RemoteNodes } from '../../client/remote.ts'
import type { Clock } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import type { Node } from '../../resources/generated/types.ts'
import { readClaim } from '../claim.ts'
import { type Environment, runtimePathsOf } from '../paths.ts'
import { addressOf, nodeCaller } from './call.ts'

export interface OtherNodesOptions {
  readonly api: Pick<ResourceApi, 'get'>
  readonly env: Environment
  readonly clock: Clock
  readonly storeUrl: string
  /** Who does it. */
  readonly user: string
}

const CHOICES = ['systemd-system', 'systemd-user', 'process'] as const

export function otherNodes({ api, env, clock, storeUrl, user }: OtherNodesOptions): RemoteNodes {
  const caller = nodeCaller({ api, env, clock, caller: { role: 'operator', name: user } })
  let own: Promise<ReadonlySet<string>> | undefined
  return {
    ...{ caller, clock },
    async isHere(node) {
      own ??= ownNodes(env, storeUrl)
      return (await own).has(node)
    },
    async addressOf(name) {
      const node = await api.get<Node>({ kind: 'Node', name })
      if (node !== undefined) return addressOf(node)
      throw new NsctlError('Unreachable', `node ${name} is not there any more`, { value: name })
    },
    close: () => caller.close(),
  }
}

/** What this machine is called where it runs programs of that store. What this user may not look into is asked of the agent, as others are. */
async function ownNodes(env: Environment, storeUrl: string): Promise<ReadonlySet<string>> {
  const claims = await Promise.all(
    CHOICES.map((choice) => readClaim(runtimePathsOf(choice, env).stateDir).catch(() => undefined)),
  )
  const names = claims.flatMap((claim) =>
    claim !== undefined && placeOf(claim.storeUrl) === placeOf(storeUrl) ? [claim.node] : [],
  )
  return new Set(names)
}

/** Without what opens it. */
function placeOf(storeUrl: string): string {
  return storeUrl.replace(/\?.*$/, '')
}
