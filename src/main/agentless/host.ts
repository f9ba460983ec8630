/** The nodes that have no agent of their own: each process of the control plane tries to look after all of them, and each of them has one that does. */
import type { ResourceApi } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import { deepEqual } from '../../core/json.ts'
import type { Logger } from '../../core/logger.ts'
import { ownKey } from '../../engine/controller.ts'
import { createManager } from '../../engine/manager.ts'
import { settled } from '../../engine/reconciler.ts'
import type { Node, NodeSsh } from '../../resources/generated/types.ts'
import type { ObjectRef } from '../../resources/object.ts'
import type { Store } from '../../store/store.ts'
import type { ListenAddress } from '../listening/listen.ts'
import { controlPlaneIdentityOf, type Environment } from '../paths.ts'
import { openReach } from '../ssh/open.ts'
import { readTarget, type SshWords } from '../ssh/reach.ts'
import { NODE_GONE } from './link.ts'

export interface AgentlessOptions {
  readonly api: ResourceApi
  readonly store: Store
  readonly env: Environment
  readonly clock: Clock
  readonly logger: Logger
  /** Where its nodes answer, each at a port of its own; on loopback where left out. */
  readonly listen?: ListenAddress
}

interface Kept {
  readonly ssh: NodeSsh
  readonly stop: AbortController
  readonly ended: Promise<void>
}

/** Runs until `signal` aborts; where there is no such node it does nothing. */
export async function hostAgentless(options: AgentlessOptions, signal: AbortSignal): Promise<void> {
  const { api, clock } = options
  const logger = options.logger.with({ part: 'agentless' })
  // each process of the control plane goes through what all others write for this: what becomes of such a node may be heard a second late
  const manager = createManager({ api, clock, logger, scope: { patient: true } })
  const nodes = new AgentlessNodes({ ...options, logger })
  manager.add({
    name: 'agentless',
    watches: [{ kind: 'Node', toKeys: ownKey }],
    reconciler: {
      async reconcile(ref: ObjectRef) {
        const node = manager.cache.get<Node>(ref)
        // one that is deleted is looked after until what runs there has ended
        await nodes.want(ref.name, node?.spec?.ssh, node === undefined)
        return settled
      },
    },
  })
  try {
    await manager.run(signal)
  } finally {
    await nodes.close()
  }
}

class AgentlessNodes {
  readonly #options: AgentlessOptions
  readonly #kept = new Map<string, Kept>()

  constructor(options: AgentlessOptions) {
    this.#options = options
  }

  /** Looks after the node as `ssh` says, and no more where that is undefined. Resolves when what was before has ended. */
  async want(name: string, ssh: NodeSsh | undefined, isGone: boolean): Promise<void> {
    const before = this.#kept.get(name)
    if (deepEqual(before?.ssh, ssh)) return
    this.#kept.delete(name)
    before?.stop.abort(isGone ? NODE_GONE : undefined)
    await before?.ended
    if (ssh === undefined) return
    const stop = new AbortController()
    this.#kept.set(name, { ssh, stop, ended: this.#keep(name, ssh, stop.signal) })
  }

  async close(): Promise<void> {
    const all = [...this.#kept.values()]
    this.#kept.clear()
    for (const { stop } of all) stop.abort()
    await Promise.all(all.map(({ ended }) => ended))
  }

  /** Never rejects. */
  async #keep(node: string, ssh: NodeSsh, signal: AbortSignal): Promise<void> {
    const { env, clock, logger } = this.#options
    // most control planes have no such node: they need none of the agent's code
    const [{ keepNode }, { nodeSeal }] = await Promise.all([
      import('./keeper.ts'),
      import('../../agent/material/identity.ts'),
    ])
    const words = wordsOf(ssh)
    const keep = {
      ...this.#options,
      ...{ node, random: Math.random, address: await addressOf(ssh) },
      open: (given: AbortSignal) => openReach(words, { env, clock, signal: given }),
      // what is for the node is sealed to the control plane, whose key is made by whoever leads
      seal: nodeSeal({
        hostKeyFile: undefined,
        ownFile: controlPlaneIdentityOf(env),
        mayMake: false,
        logger,
      }),
    }
    await keepNode(keep, signal)
  }
}

/** How a node is reached, as its Node says it. */
export function wordsOf({ target, hostKey, jumps, identityFile }: NodeSsh): SshWords {
  return {
    ...{ target, hostKey },
    ...(jumps === undefined ? {} : { jumps }),
    ...(identityFile === undefined ? {} : { identityFile }),
  }
}

/** Where its instances are reached: as the machine is, unless a name cannot be resolved here. */
async function addressOf({ target }: NodeSsh): Promise<string> {
  const { host } = readTarget(target)
  const { lookup } = await import('node:dns/promises')
  const found = await lookup(host).catch(() => undefined)
  return found?.address ?? '127.0.0.1'
}
