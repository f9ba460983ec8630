/** This machine as a Node: registers itself, and says that nobody looks after it when the agent stops. */

import { readFile } from 'node:fs/promises'
import { cpus, release, totalmem, type } from 'node:os'
import type { ResourceController } from '../api/api.ts'
import { type Clock, delay } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import type { Logger } from '../core/logger.ts'
import { formatBytes } from '../core/quantity.ts'
import { isOutage } from '../engine/failures.ts'
import type { Runnable } from '../engine/manager.ts'
import { setConditions } from '../resources/conditions.ts'
import type { Node, NodeStatus } from '../resources/generated/types.ts'
import { type AnyResource, API_VERSION } from '../resources/object.ts'
import type { RuntimeInfo } from '../runtimes/runtime.ts'

export interface NodeOptions {
  readonly name: string
  readonly api: Pick<ResourceController, 'ensure' | 'updateStatus'>
  readonly runtime: RuntimeInfo
  readonly version: string
  readonly clock: Clock
  readonly logger: Logger
  /** How many instances the store gives to this node. */
  readonly countInstances: () => number
}

/** Where this machine's instances are reached, as its Node says. */
export const NODE_ADDRESSES: readonly string[] = ['127.0.0.1']

/** How often what changes by itself is looked at. */
const REFRESH_MS = 5_000

/** Keeps the Node true until it is stopped. A store that is away is waited for: it stops no agent. */
export function nodeRegistration(options: NodeOptions): Runnable {
  const { name, api, clock, logger } = options
  return {
    name: 'node',
    async run(signal) {
      let written: NodeStatus | undefined
      while (!signal.aborted) {
        try {
          written = await refresh(options, written)
        } catch (error) {
          if (!isOutage(error)) throw error
          logger.log('warn', `cannot write what this node is, trying again: ${messageOf(error)}`)
        }
        await delay(clock, REFRESH_MS, signal).catch(() => undefined)
      }
      if (written !== undefined)
        await api.updateStatus({ kind: 'Node', name }, notReady(written, clock) as unknown as Json)
    },
  }
}

/** Registers the node with the first call, then writes what has changed. Returns what is written by now. */
async function refresh(options: NodeOptions, written: NodeStatus | undefined): Promise<NodeStatus> {
  const { name, api } = options
  const instances = options.countInstances()
  if (written?.instances === instances) return written
  const status = written === undefined ? await nodeStatus(options, await register(options)) : written
  const current = { ...status, instances }
  await api.updateStatus({ kind: 'Node', name }, current as unknown as Json)
  return current
}

async function register({ name, api }: NodeOptions): Promise<NodeStatus | undefined> {
  const node = { apiVersion: API_VERSION, kind: 'Node', metadata: { name }, spec: {} }
  return ((await api.ensure(node as AnyResource)) as unknown as Node).status
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
  return { ...status, phase: 'NotReady', conditions: setConditions(status.conditions, [condition], now) }
}

async function readBootId(): Promise<string | undefined> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  } catch {
    // not Linux
    return undefined
  }
}
