/** This machine as a Node: registers itself, and says that nobody looks after it when the agent stops. */

import { readFile } from 'node:fs/promises'
import { cpus, release, totalmem, type } from 'node:os'
import type { ResourceController } from '../api/api.ts'
import { type Clock, delay } from '../core/clock.ts'
import type { Json } from '../core/json.ts'
import { formatBytes } from '../core/quantity.ts'
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
  /** How many instances the store gives to this node. */
  readonly countInstances: () => number
}

/** How often what changes by itself is looked at. */
const REFRESH_MS = 5_000

export function nodeRegistration(options: NodeOptions): Runnable {
  const { name, api } = options
  const ref = { kind: 'Node', name }
  return {
    name: 'node',
    async run(signal) {
      const registered = (await api.ensure({
        apiVersion: API_VERSION,
        kind: 'Node',
        metadata: { name },
        spec: {},
      } as AnyResource)) as unknown as Node
      let status = await nodeStatus(options, registered.status)
      await api.updateStatus(ref, status as unknown as Json)
      while (!signal.aborted) {
        await delay(options.clock, REFRESH_MS, signal).catch(() => undefined)
        const instances = options.countInstances()
        if (signal.aborted || instances === status.instances) continue
        status = { ...status, instances }
        await api.updateStatus(ref, status as unknown as Json)
      }
      await api.updateStatus(ref, notReady(status, options.clock) as unknown as Json)
    },
  }
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
    addresses: ['127.0.0.1'],
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
