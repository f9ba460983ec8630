/**
 * Looks after one node from afar: holds its lease while it reaches the machine, and runs the agent's code for it on that connection. Where the connection
 * ends, all that was known of the machine goes with it, and is read anew on the next one; what runs there goes on meanwhile.
 */
import { createAgent } from '../../agent/agent.ts'
import { NODE_LEASE_MS } from '../../agent/heartbeat.ts'
import type { NodeSeal } from '../../agent/material/seal.ts'
import { surroundingsOver } from '../../agent/surroundings-over.ts'
import type { Fence } from '../../agent/unique/fence.ts'
import { Permits } from '../../agent/unique/permits.ts'
import type { ResourceApi } from '../../api/api.ts'
import { type Clock, delay } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { isOutage } from '../../engine/failures.ts'
import type { Manager } from '../../engine/manager.ts'
import { VERSION } from '../../main.ts'
import { openSystemdOver } from '../../runtimes/systemd/over/open.ts'
import {
  acquireLease,
  holderIsAlive,
  type Lease,
  type LeaseHolder,
  nodeLease,
  type RenewalGuard,
  thisProcess,
} from '../../store/lease.ts'
import type { Store } from '../../store/store.ts'
import { whenAborted } from '../../transport/abort.ts'
import type { Transport } from '../../transport/transport.ts'
import { countingSuspension } from '../boot-clock.ts'
import { fenceOf } from '../fence.ts'
import { type ListenAddress, listenOptions, ownIdentity } from '../listening/listen.ts'
import { type Environment, runtimePathsOf } from '../paths.ts'
import { claimMachine, releaseMachine } from './claim.ts'
import { ANSWER_LIMIT_MS, Link, NODE_GONE } from './link.ts'
import { sayWhy } from './unreached.ts'

export interface KeeperOptions {
  readonly node: string
  /** Where its instances are reached. */
  readonly address: string
  readonly open: (signal: AbortSignal) => Promise<Transport>
  readonly api: ResourceApi
  readonly store: Store
  readonly env: Environment
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  /** Where it answers on this machine, for the node; on loopback where left out. */
  readonly listen?: ListenAddress
  /** The control plane's: what is for the node is sealed to it. */
  readonly seal: NodeSeal
}

/**
 * Half of what an agent of its own has: when this process dies, another has to be there before the node counts as lost. It is renewed over two machines
 * instead of one, every two seconds.
 */
export const LEASE_MS = NODE_LEASE_MS / 2
const RETRY_MS = 1_000
const { stateDir, runDir } = runtimePathsOf('systemd-system', {})

/** What programs find in PATH there: the machine's own places. */
const BASE_ENVIRONMENT = {
  PATH: '/run/current-system/sw/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
}

/** Runs until `signal` aborts. What goes wrong is told and tried again. */
export async function keepNode(options: KeeperOptions, signal: AbortSignal): Promise<void> {
  const { node, clock, api } = options
  const logger = options.logger.with({ node })
  const tellWhy = (message: string) => void sayWhy(api, { node, message, clock })
  const onFailure = (error: unknown) => tellWhy(messageOf(error))
  const link = new Link({ ...options, logger, onFailure })
  const holder = thisProcess({ version: VERSION, reaches: node })
  const stopLink = whenAborted([signal], (reason) => reason !== NODE_GONE && void link.close())
  const guard = new Guard(link)
  let lease: Lease | undefined
  let told: string | undefined
  try {
    while (!signal.aborted) {
      try {
        if (lease === undefined || lease.lost.aborted)
          lease = await claim({ ...options, holder }, { link, guard }, signal)
        await serveOnce({ ...options, logger }, { link, guard, lease }, signal)
      } catch (error) {
        if (signal.aborted) break
        const message = messageOf(error)
        const level = isOutage(error) || message === told ? 'debug' : 'warn'
        logger.log(level, `the node is not looked after, trying again: ${message}`)
        if (message !== told && !isOutage(error)) tellWhy(message)
        told = message
        await delay(clock, RETRY_MS, signal).catch(() => undefined)
      }
    }
  } finally {
    stopLink()
    if (signal.reason === NODE_GONE && lease?.lost.aborted === false) await giveBack(link)
    await link.close()
    await lease?.release()
  }
}

/** What ran there has ended with its Node: another may have the machine. Where it is not reached, people remove the claim. */
async function giveBack(link: Link): Promise<void> {
  const signal = AbortSignal.timeout(ANSWER_LIMIT_MS)
  await link
    .connected(signal)
    .then((transport) => releaseMachine(transport, stateDir, signal))
    .catch(() => {})
}

/** Waits for as long as another process looks after it; the machine is reached before it is claimed. */
function claim(
  { node, store, clock, holder }: KeeperOptions & { readonly holder: LeaseHolder },
  { link, guard }: Omit<Held, 'lease'>,
  signal: AbortSignal,
): Promise<Lease> {
  return acquireLease(store, {
    ...{ name: nodeLease(node), ttlMs: LEASE_MS, holder, signal, guard },
    // a fence counts while this machine is suspended, and so does the lease
    clock: countingSuspension(clock),
    // what this process lost it need not wait for
    isAlive: (other) => (other.id === holder.id ? false : holderIsAlive(other)),
    // whoever holds it has a connection of its own
    onHeld: () => void link.drop(),
  })
}

interface Held {
  readonly link: Link
  readonly guard: Guard
  readonly lease: Lease
}

/** Before each renewal: the machine has answered, and ends by itself what is unique if no other follows. */
class Guard implements RenewalGuard {
  fence: Fence | undefined
  readonly #link: Link

  constructor(link: Link) {
    this.#link = link
  }

  async before(): Promise<() => void> {
    const wentThrough = await this.#link.before()
    // one that falls between two connections falls sooner than it must, and ends no other
    return (await this.fence?.before()) ?? wentThrough
  }
}

/** From one connection's beginning to its end, or the lease's. */
async function serveOnce(
  options: KeeperOptions,
  { link, guard, lease }: Held,
  signal: AbortSignal,
): Promise<void> {
  const { api, clock, logger, env, node, store, address } = options
  const over = new AbortController()
  const either = AbortSignal.any([signal, lease.lost, over.signal])
  const transport = await link.connected(either)
  let isReached = true
  const lost = (reason: unknown) => {
    isReached = false
    over.abort(reason)
  }
  void transport.ended.then(lost)
  await claimMachine(transport, { stateDir, node, storeUrl: store.url }, either)
  const stop = new AbortController()
  const beside = new Link(options)
  const runtime = await openSystemdOver({
    ...{ transport, stateDir, runDir, clock, logger, signal: stop.signal },
    beside: (given) => beside.connected(AbortSignal.any([given, stop.signal])),
    onBroken(error) {
      lost(error)
      void transport.close()
    },
  }).catch((error: unknown) => {
    stop.abort()
    throw error
  })
  const { fence } = fenceOf(runtime, clock, logger)
  guard.fence = fence
  try {
    // no start of this session shall have the fencing token of one before
    if (fence !== undefined) await lease.renew()
    const held = {
      // once the machine is not reached nothing is said of it: that is the control plane's to judge
      get isHeld() {
        return isReached && !lease.lost.aborted
      },
      guard: (manager: Manager) => manager,
    }
    const identity = ownIdentity({ api, env, node, clock })
    const agent = createAgent({
      ...{ node, api, runtime, clock, logger, stateDir, version: VERSION, seal: options.seal },
      surroundings: surroundingsOver(transport, stop.signal),
      baseEnvironment: BASE_ENVIRONMENT,
      heartbeat: held,
      permits: new Permits({ api, store, heartbeat: { lease }, fence }),
      addresses: [address],
      listen: listenOptions({
        ...(options.listen && { listen: options.listen }),
        addresses: [address],
        identity,
      }),
    })
    logger.log('info', `looked after from here, through ${transport.name}`)
    await agent.run(either)
  } finally {
    guard.fence = undefined
    // the machine ends by itself what is fenced, where the next connection comes too late
    if (fence !== undefined) fence.onFall = async () => {}
    await runtime.close()
    stop.abort()
    await beside.close()
  }
}
