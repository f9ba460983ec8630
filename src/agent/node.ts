/** This machine as a Node: registers itself, and says that nobody looks after it when the agent stops. */

import type { ResourceApi } from '../api/api.ts'
import { type Clock, delay } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import { deepEqual, type Json } from '../core/json.ts'
import type { Logger } from '../core/logger.ts'
import { isOutage } from '../engine/failures.ts'
import type { Runnable } from '../engine/manager.ts'
import { type ConditionInput, findCondition, setConditions } from '../resources/conditions.ts'
import type { Node, NodeStatus } from '../resources/generated/types.ts'
import { AGENT_STOPPED, isJudgedSilent } from '../resources/node.ts'
import { type AnyResource, API_VERSION } from '../resources/object.ts'
import type { RuntimeInfo } from '../runtimes/runtime.ts'
import type { Heartbeat } from './heartbeat.ts'
import { IDENTITY_VERIFIED, identityOf, type NodeIdentity, noIdentity } from './identity.ts'
import type { Listening } from './listening/listening.ts'
import { capacityOf, defaultReserve, machineLabels, type Reserve } from './machine.ts'
import type { NodeSeal } from './material/seal.ts'
import type { Pressure } from './pressure.ts'
import { localSurroundings, type MachineFacts } from './surroundings.ts'

export interface NodeOptions {
  readonly name: string
  readonly api: Pick<ResourceApi, 'ensure' | 'get' | 'updateOwned' | 'amendStatus'>
  readonly runtime: RuntimeInfo
  readonly version: string
  readonly clock: Clock
  readonly logger: Logger
  readonly seal: Pick<NodeSeal, 'recipients'>
  /** Without it nothing is written: another may have taken the node over. Always held where left out. */
  readonly heartbeat?: Pick<Heartbeat, 'isHeld'>
  /** Where its instances are reached, by preference; `LOOPBACK` where left out. */
  readonly addresses?: readonly string[]
  /** What is kept for the system; `defaultReserve` where left out. */
  readonly reserve?: Reserve
  readonly pressure: Pick<Pressure, 'look'>
  /** What the machine is; this one where left out. */
  readonly facts?: () => Promise<MachineFacts>
  /** How many instances the store gives to this node. */
  readonly countInstances: () => number
  /** The load balancer there, for people; none where left out. */
  readonly balancer?: string
  /** Where callers on other machines are answered, as of now; nothing is said of it where left out. */
  readonly listening?: () => Listening
  /** Where its metrics are scraped; resolves to nothing where they are not served. */
  readonly metricsUrl?: Promise<string | undefined>
}

/** Where instances are reached on a machine by itself. */
export const LOOPBACK: readonly string[] = ['127.0.0.1']

/** How often what changes by itself is looked at. */
const REFRESH_MS = 5_000
/** How often a node that has the pinned key registers anew, and sees whether another was pinned. */
const REGISTER_MS = 60_000

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
  #registerMs = 0

  constructor(options: NodeOptions, metricsUrl: string | undefined) {
    this.#options = options
    this.#metricsUrl = metricsUrl
  }

  /** Registers the node with the first call, and now and then anew; writes what has changed. */
  async refresh(): Promise<void> {
    const { clock, heartbeat, pressure, countInstances } = this.#options
    if (heartbeat?.isHeld === false) return
    const isDue = clock.monotonic() >= this.#registerMs
    const pressures = await pressure.look()
    const looked = isDue
      ? await this.#registered(pressures)
      : { ...withConditions(this.#written, pressures, clock), instances: countInstances() }
    const current = withListening(looked, this.#options.listening?.(), clock)
    if (!deepEqual(current, this.#written)) await this.#write(current)
    this.#tell(current)
    this.#written = current
    // a key that is missing may be put back, and one that differs may be trusted
    if (isDue) this.#registerMs = clock.monotonic() + (isVerified(current) ? REGISTER_MS : 0)
  }

  /** Who deleted the Node, or took its labels, did not end its agent. */
  async #registered(pressures: readonly ConditionInput[]): Promise<NodeStatus> {
    const facts = await (this.#options.facts ?? localSurroundings().facts)()
    const node = await register(this.#options, facts)
    if (this.#written !== undefined && node.status === undefined) this.#written = undefined
    const found =
      this.#written ?? (await nodeStatus(this.#options, { facts, before: node.status }, this.#metricsUrl))
    const identity = await identify(this.#options, node)
    const { clock, countInstances } = this.#options
    const status = withIdentity(withConditions(found, pressures, clock), identity, clock)
    return { ...status, instances: countInstances() }
  }

  /** That nothing is heard of the node is the control plane's to say, and to take back. */
  async #write(current: NodeStatus): Promise<void> {
    const { name, api, clock } = this.#options
    await api.amendStatus({ kind: 'Node', name }, (found) => {
      const before = found as NodeStatus | undefined
      const judged = isJudgedSilent(before) ? findCondition(before?.conditions, 'Ready') : undefined
      if (judged === undefined) return current as unknown as Json
      const kept = withConditions(current, [judged], clock)
      return { ...kept, phase: 'NotReady' } as unknown as Json
    })
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
    const { name, api, clock, heartbeat } = this.#options
    const status = this.#written
    if (status === undefined || heartbeat?.isHeld === false) return
    await api.amendStatus({ kind: 'Node', name }, () => notReady(status, clock) as unknown as Json)
  }
}

async function register({ name, api, logger }: NodeOptions, { system }: MachineFacts): Promise<Node> {
  const node = {
    apiVersion: API_VERSION,
    kind: 'Node',
    metadata: { name, labels: machineLabels(name, system) },
    spec: {},
  }
  try {
    return (await api.ensure(node as AnyResource)) as unknown as Node
  } catch (error) {
    if (!isOutage(error)) throw error
    // a credential for its own status alone may not touch the rest: who made it a node has said that
    const found = await api.get<Node>({ kind: 'Node', name })
    if (found === undefined) throw error
    logger.log('debug', `the labels of this node are left as they are: ${messageOf(error)}`)
    return found
  }
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

function withConditions(
  status: NodeStatus | undefined,
  wanted: readonly ConditionInput[],
  clock: Clock,
): NodeStatus {
  const now = new Date(clock.now()).toISOString()
  const conditions = setConditions(status?.conditions, wanted, now)
  // whichever was looked at last: another order would be another status
  return { ...status, conditions: conditions.toSorted((a, b) => (a.type < b.type ? -1 : 1)) }
}

function withIdentity(status: NodeStatus, { recipient, verified }: NodeIdentity, clock: Clock): NodeStatus {
  const { recipient: _, ...rest } = status
  const said = withConditions(rest, [verified], clock)
  return { ...said, ...(recipient === undefined ? {} : { recipient }) }
}

function withListening(status: NodeStatus, listening: Listening | undefined, clock: Clock): NodeStatus {
  if (listening === undefined) return status
  const { listener: _, ...rest } = status
  const { address, problem } = listening
  const said = (isThere: boolean, reason: string, message: string): ConditionInput => ({
    ...{ type: 'Listening', status: isThere ? 'True' : 'False', reason, message },
  })
  if (address === undefined)
    return withConditions(rest, [said(false, 'NotListening', problem ?? 'its agent is starting')], clock)
  const condition = said(true, 'Listens', `its agent answers at ${address}`)
  return { ...withConditions(rest, [condition], clock), listener: address }
}

function isVerified(status: NodeStatus): boolean {
  return findCondition(status.conditions, IDENTITY_VERIFIED)?.status === 'True'
}

async function nodeStatus(
  options: NodeOptions,
  { facts, before }: { readonly facts: MachineFacts; readonly before: NodeStatus | undefined },
  metricsUrl: string | undefined,
): Promise<NodeStatus> {
  const { clock, runtime, version } = options
  const now = new Date(clock.now()).toISOString()
  const { has, os, bootId } = facts
  const ready = { type: 'Ready', status: 'True', reason: 'AgentRunning', message: 'its agent runs' } as const
  return {
    phase: 'Ready',
    runtime: runtime.description,
    version,
    instances: options.countInstances(),
    os,
    ...(bootId === undefined ? {} : { bootId }),
    ...(runtime.runtimes === undefined || runtime.runtimes.length === 0
      ? {}
      : { runtimes: runtime.runtimes }),
    ...(runtime.cannot.length === 0 ? {} : { cannot: runtime.cannot }),
    ...capacityOf(has, options.reserve ?? defaultReserve(has)),
    ...(metricsUrl === undefined ? {} : { metricsUrl }),
    ...(options.balancer === undefined ? {} : { balancer: options.balancer }),
    addresses: options.addresses ?? LOOPBACK,
    conditions: setConditions(before?.conditions, [ready], now),
  }
}

function notReady(status: NodeStatus, clock: Clock): NodeStatus {
  const now = new Date(clock.now()).toISOString()
  const message = 'its agent was stopped; what runs there goes on'
  const condition = { type: 'Ready', status: 'False', reason: AGENT_STOPPED, message } as const
  const { metricsUrl: _, listener: __, ...rest } = status
  return { ...rest, phase: 'NotReady', conditions: setConditions(status.conditions, [condition], now) }
}
