/**
 * `nsctl agent`: this machine's agent alone, with a credential of its own that it got by joining. It needs no control plane to go on, nor a
 * store to begin: what ran before a boot is started from what is kept on disk.
 */
import { createAgent } from '../agent/agent.ts'
import { Heartbeat } from '../agent/heartbeat.ts'
import { machineLabels } from '../agent/machine.ts'
import { Permits } from '../agent/unique/permits.ts'
import { type Clock, delay } from '../core/clock.ts'
import { isNsctlError, messageOf, NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { isOutage } from '../engine/failures.ts'
import { joinWith, type Membership } from '../join/member.ts'
import { parseToken } from '../join/token.ts'
import { openApiOver, openStore, VERSION } from '../main.ts'
import { thisProcess } from '../store/lease.ts'
import type { Store } from '../store/store.ts'
import { balancerOf } from './balancer.ts'
import { claimPrograms, nodeName, readClaim } from './claim.ts'
import { abortOf } from './control-plane.ts'
import { fenceOf } from './fence.ts'
import { keepHeapSmall } from './heap.ts'
import { readMembership, writeMembership } from './join/membership.ts'
import { membershipFile, noteAgent } from './join/place.ts'
import { keepRenewed } from './join/renewing.ts'
import { listenOptions, memberIdentity } from './listening/listen.ts'
import { baseEnvironment, restoreKept } from './local-agent.ts'
import { measuredStore } from './measured-store.ts'
import { type NodeKey, nodeKeyOf } from './node-key.ts'
import { type Addresses, addressesOf, type NodeOptions, refuseRenaming } from './node-options.ts'
import { type Environment, runtimePathsOf } from './paths.ts'
import {
  chooseRuntime,
  type LocalRuntime,
  openRuntime,
  type RuntimeChoice,
  type RuntimeName,
} from './runtimes.ts'
import { makeTallies } from './tallies.ts'

export interface AgentOptions extends NodeOptions {
  readonly env: Environment
  readonly clock: Clock
  readonly logger: Logger
  /** How this machine reaches the store, where that is not how the control plane does. */
  readonly store?: string
  readonly runtime: RuntimeName
  /** A join token: redeemed where the machine has not joined with it yet. */
  readonly joinToken?: string
  /** The loopback port for /metrics and /healthz: any that is free with 0, none where left out. */
  readonly metricsPort?: number
  readonly onJoined?: (membership: Membership) => void
  readonly onReady: (ready: AgentReady) => void
}

export interface AgentReady {
  readonly node: string
  readonly storeUrl: string
  readonly runtime: string
  readonly cannot: readonly string[]
  readonly reached: Addresses
}

const STORE_RETRY_MS = 2_000

/** Runs until `signal` aborts; what runs goes on after it. @throws NsctlError Failed where the machine has not joined and has no token */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  keepHeapSmall()
  const { env, clock, logger } = options
  const joined = await joinMachine(options, signal)
  const { choice, stateDir, key, path } = joined
  let { membership } = joined
  await noteAgent(stateDir, thisProcess({ version: VERSION }))
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  const runtime = await openRuntime(choice, { env, clock, logger, signal: stop.signal })
  const onRenewed = (renewed: Membership) => {
    membership = renewed
  }
  const renewing = keepRenewed({ path, membership, clock, logger, onRenewed }, both)
  try {
    await restoreKept(runtime, key, logger)
    await serve(options, { ...joined, membership: () => membership, runtime }, signal)
  } finally {
    stop.abort()
    await renewing
    await runtime.close()
  }
}

/** This machine as a node that has joined. */
export interface JoinedMachine {
  readonly choice: RuntimeChoice
  readonly stateDir: string
  readonly key: NodeKey
  readonly path: string
  readonly membership: Membership
  /** How it reaches the store. */
  readonly storeUrl: string
}

/**
 * As what this machine has joined before, or joins now; its programs are that store's from then on.
 * @throws NsctlError Failed where it has not joined and has no token; Conflict where its programs are another store's or node's
 */
export async function joinMachine(
  options: Pick<AgentOptions, 'env' | 'logger' | 'runtime' | 'node' | 'store' | 'joinToken' | 'onJoined'>,
  signal: AbortSignal,
): Promise<JoinedMachine> {
  const { env, logger } = options
  const choice = await chooseRuntime(options.runtime)
  const { stateDir } = runtimePathsOf(choice, env)
  const key = nodeKeyOf(choice, env, logger)
  const path = membershipFile(stateDir)
  const membership = await member(options, { path, stateDir, key }, signal)
  const storeUrl = options.store ?? membership.storeUrl
  refuseRenaming(await claimPrograms(stateDir, storeUrl, membership.node), membership.node)
  return { choice, stateDir, key, path, membership, storeUrl }
}

/** The environment by which an agent opens the store: the credential is what it joined for, and a token of somebody else's in the environment is not. */
export function ownEnvironment(env: Environment, { credential }: Membership): Environment {
  return { ...env, CONSUL_HTTP_TOKEN_FILE: undefined, ...credential }
}

interface Place {
  readonly path: string
  readonly stateDir: string
  readonly key: NodeKey
}

async function member(
  options: Parameters<typeof joinMachine>[0],
  place: Place,
  signal: AbortSignal,
): Promise<Membership> {
  const { joinToken, logger, onJoined } = options
  const { path, stateDir, key } = place
  const before = await readMembership(path).catch((error: unknown) => {
    // a token makes it good again
    if (joinToken === undefined || !isNsctlError(error, 'Invalid')) throw error
    logger.log('warn', messageOf(error))
    return undefined
  })
  const token = joinToken === undefined ? undefined : parseToken(joinToken)
  if (before !== undefined && (token === undefined || token.id === before.token)) return before
  if (token === undefined)
    throw new NsctlError('Failed', 'this machine has not joined, so it is nobody’s node', {
      next: 'make a token where the control plane is (nsctl node token create), then here: nsctl agent --join-token-file FILE',
    })
  const claim = await readClaim(stateDir)
  const known = claim?.node || before?.node
  // before the token is spent, and somebody else is a node
  if (claim !== undefined && known !== undefined) refuseRenaming({ ...claim, node: known }, options.node)
  const node = options.node ?? known ?? nodeName()
  const [recipient = ''] = await key.seal.recipients()
  const membership = await joinWith(token, { node, recipient, labels: machineLabels(node) }, signal)
  await writeMembership(path, membership)
  onJoined?.(membership)
  return membership
}

interface Parts extends Omit<JoinedMachine, 'membership'> {
  /** As it is now. */
  readonly membership: () => Membership
  readonly runtime: LocalRuntime
}

async function serve(options: AgentOptions, parts: Parts, signal: AbortSignal): Promise<void> {
  const { clock, logger, env, metricsPort, reserve } = options
  const { choice, stateDir, key, membership, storeUrl, runtime } = parts
  const { node } = membership()
  const tallies = makeTallies()
  const own = ownEnvironment(env, membership())
  const opened = await openPatiently({ ...options, env: own, store: storeUrl, node }, signal)
  if (opened === undefined) return
  const store = measuredStore(opened, tallies.store, clock)
  try {
    const api = await openApiOver(store, clock, logger, node)
    const reached = await addressesOf(store.url, options.addresses)
    const holder = thisProcess({ version: VERSION, runtime: runtime.info.description })
    const balancer = await balancerOf(options, { stateDir, store: storeUrl, node })
    const { fence, lease } = fenceOf(runtime, clock, logger)
    const heartbeat = new Heartbeat({ node, store, holder, logger, ...lease })
    const identity = memberIdentity(membership)
    const listen = listenOptions({ ...options, addresses: reached.addresses, identity })
    const agent = createAgent({
      ...{ node, api, runtime, clock, logger, stateDir, version: VERSION },
      metrics: tallies.engine,
      baseEnvironment: baseEnvironment(choice, env),
      seal: key.seal,
      heartbeat,
      permits: new Permits({ api, store, heartbeat, fence }),
      addresses: reached.addresses,
      ...(balancer && { balancer }),
      ...(reserve && { reserve }),
      ...(runtime.restore && { keep: key.keep }),
      expositions: tallies.expositions,
      ...(metricsPort === undefined ? {} : { serveMetrics: { port: metricsPort } }),
      listen,
    })
    const { description, cannot } = runtime.info
    agent.addRunnable({
      name: 'ready',
      run: async () => options.onReady({ node, storeUrl: store.url, runtime: description, cannot, reached }),
    })
    await agent.run(signal)
    await api.flush()
  } finally {
    await store.close()
  }
}

/** Waits for a store that is away: what runs is looked after by the runtime meanwhile. Undefined where it was told to stop. */
async function openPatiently(
  options: Parameters<typeof openStore>[0] & { readonly logger: Logger },
  signal: AbortSignal,
): Promise<Store | undefined> {
  const { clock, logger } = options
  let told: string | undefined
  while (!signal.aborted) {
    try {
      const store = await Promise.race([openStore(options), abortOf(signal)])
      return store ?? undefined
    } catch (error) {
      if (!isOutage(error)) throw error
      const message = messageOf(error)
      if (message !== told) logger.log('warn', `what runs goes on; waiting for the store: ${message}`)
      told = message
    }
    await delay(clock, STORE_RETRY_MS, signal).catch(() => undefined)
  }
  return undefined
}
