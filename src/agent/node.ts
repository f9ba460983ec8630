/** This machine as a Node: registers itself, and says that nobody looks after it when the agent stops. */

import { readFile } from 'node:fs/promises'
import { cpus, release, totalmem, type } from 'node:os'
import type { ResourceApi } from '../api/api.ts'
import { type Clock, delay } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import { deepEqual, type Json } from '../core/json.ts'
import type { Logger } from '../core/logger.ts'
import { formatBytes } from '../core/quantity.ts'
import { isOutage } from '../engine/failures.ts'
import type { Runnable } from '../engine/manager.ts'
import { findCondition, setConditions } from '../resources/conditions.ts'
import type { Node, NodeStatus } from '../resources/generated/types.ts'
import { type AnyResource, API_VERSION } from '../resources/object.ts'
import type { RuntimeInfo } from '../runtimes/runtime.ts'
import { IDENTITY_VERIFIED, identityOf, type NodeIdentity, noIdentity } from './identity.ts'
import type { NodeSeal } from './material/seal.ts'

export interface NodeOptions {
  readonly name: string
  readonly api: Pick<ResourceApi, 'ensure' | 'get' | 'updateOwned' | 'updateStatus'>
  readonly runtime: RuntimeInfo
  readonly version: string
  readonly clock: Clock
  readonly logger: Logger
  readonly seal: Pick<NodeSeal, 'recipients'>
  /** How many instances the store gives to this node. */
  readonly countInstances: () => number
  /** Where its metrics are scraped; resolves to nothing where they are not served. */
  readonly metricsUrl?: Promise<string | undefined>
}

/** Where this machine's instances are reached, as its Node says. */
export const NODE_ADDRESSES: readonly string[] = ['127.0.0.1']

/** How often what changes by itself is looked at. */
const REFRESH_MS = 5_000
/** How often a node that has the pinned key looks whether another was pinned. */
const PIN_CHECK_MS = 60_000

/** Keeps the Node true until it is stopped. A store that is away is waited for: it stops no agent. */
export function nodeRegistration(options: NodeOptions): Runnable {
  const { clock, logger } = options
  return {
    name: 'node',
    async run(signal) {
      const stopped = new Promise<undefined>((resolve) =>
        signal.addEventListener('abort', () => resolve(undefined), { once: true }),
      )
      const metricsUrl = signal.aborted ? undefined : await Promise.race([options.metricsUrl, stopped])
      const registration = new Registration(options, metricsUrl)
      while (!signal.aborted) {
        try {
          await registration.refresh()
        } catch (error) {
          if (!isOutage(error)) throw error
          logger.log('warn', `cannot write what this node is, trying again: ${messageOf(error)}`)
        }
        await delay(clock, REFRESH_MS, signal).catch(() => undefined)
      }
      await registration.end()
    },
  }
}

class Registration {
  readonly #options: NodeOptions
  readonly #metricsUrl: string | undefined
  #written: NodeStatus | undefined
  #lookAtPinMs = 0

  constructor(options: NodeOptions, metricsUrl: string | undefined) {
    this.#options = options
    this.#metricsUrl = metricsUrl
  }

  /** Registers the node with the first call, then writes what has changed. */
  async refresh(): Promise<void> {
    const { name, api, clock } = this.#options
    const instances = this.#options.countInstances()
    const isDue = clock.monotonic() >= this.#lookAtPinMs
    if (this.#written?.instances === instances && !isDue) return
    let status = this.#written
    if (status === undefined) {
      const node = await register(this.#options)
      const metricsUrl = this.#metricsUrl
      const before = await nodeStatus(this.#options, node.status)
      const found = { ...before, ...(metricsUrl === undefined ? {} : { metricsUrl }) }
      status = withIdentity(found, await identify(this.#options, node), clock)
    } else if (isDue) {
      const node = await api.get<Node>({ kind: 'Node', name })
      if (node !== undefined) status = withIdentity(status, await identify(this.#options, node), clock)
    }
    const current = { ...status, instances }
    if (!deepEqual(current, this.#written))
      await api.updateStatus({ kind: 'Node', name }, current as unknown as Json)
    this.#tell(current)
    this.#written = current
    // a key that is missing may be put back, and one that differs may be trusted
    if (isDue) this.#lookAtPinMs = clock.monotonic() + (isVerified(current) ? PIN_CHECK_MS : 0)
  }

  /** Says once that the node cannot open what is sealed for it. */
  #tell(status: NodeStatus): void {
    const said = findCondition(status.conditions, IDENTITY_VERIFIED)
    const before = findCondition(this.#written?.conditions, IDENTITY_VERIFIED)
    if (said?.status === 'False' && said.message !== before?.message)
      this.#options.logger.log('warn', `this node cannot be given Secrets: ${said.message}`)
  }

  /** Nobody looks after the node any more. */
  async end(): Promise<void> {
    const { name, api, clock } = this.#options
    if (this.#written === undefined) return
    await api.updateStatus({ kind: 'Node', name }, notReady(this.#written, clock) as unknown as Json)
  }
}

async function register({ name, api }: NodeOptions): Promise<Node> {
  const node = { apiVersion: API_VERSION, kind: 'Node', metadata: { name }, spec: {} }
  return (await api.ensure(node as AnyResource)) as unknown as Node
}

/** Pins the node's key where none is: whoever comes first under a name has it. */
async function identify(options: NodeOptions, node: Node): Promise<NodeIdentity> {
  const { name, api, seal } = options
  let own: readonly string[]
  try {
    own = await seal.recipients()
  } catch (error) {
    // what needs no Secret runs without a key
    return noIdentity(messageOf(error))
  }
  let pinned = node.spec?.recipient
  if (pinned !== undefined) return identityOf(name, own, pinned)
  await api.updateOwned({ kind: 'Node', name }, (spec) => {
    pinned = typeof spec.recipient === 'string' ? spec.recipient : own[0]
    return pinned === spec.recipient ? spec : { ...spec, recipient: pinned }
  })
  return identityOf(name, own, pinned ?? '')
}

function withIdentity(status: NodeStatus, { recipient, verified }: NodeIdentity, clock: Clock): NodeStatus {
  const { recipient: _, ...rest } = status
  const now = new Date(clock.now()).toISOString()
  const conditions = setConditions(status.conditions, [verified], now)
  return { ...rest, ...(recipient === undefined ? {} : { recipient }), conditions }
}

function isVerified(status: NodeStatus): boolean {
  return findCondition(status.conditions, IDENTITY_VERIFIED)?.status === 'True'
}

async function nodeStatus(options: NodeOptions, before: NodeStatus | undefined): Promise<NodeStatus> {
  const { clock, runtime, version } = options
  const now = new Date(clock.now()).toISOString()
  const bootId = await readBootId()
  const ready = { type: 'Ready', status: 'True', reason: 'AgentRunning', message: 'its agent runs' } as const
  return {
    phase: 'Ready',
    runtime: runtime.description,
    version,
    instances: options.countInstances(),
    os: `${type()} ${release()}`,
    ...(bootId === undefined ? {} : { bootId }),
    ...(runtime.cannot.length === 0 ? {} : { cannot: runtime.cannot }),
    capacity: { cpu: String(cpus().length), memory: formatBytes(totalmem()) },
    addresses: NODE_ADDRESSES,
    conditions: setConditions(before?.conditions, [ready], now),
  }
}

function notReady(status: NodeStatus, clock: Clock): NodeStatus {
  const now = new Date(clock.now()).toISOString()
  const message = 'its agent was stopped; what runs there goes on'
  const condition = { type: 'Ready', status: 'False', reason: 'AgentStopped', message } as const
  const { metricsUrl: _, ...rest } = status
  return { ...rest, phase: 'NotReady', conditions: setConditions(status.conditions, [condition], now) }
}

async function readBootId(): Promise<string | undefined> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  } catch {
    // not Linux
    return undefined
  }
}
