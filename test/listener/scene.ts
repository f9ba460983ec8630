/** A node's listener over TLS, with certificates of a real authority, and callers of it. */
import { createPublicKey } from 'node:crypto'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import { silentLogger } from '../../src/core/logger.ts'
import {
  Authority,
  callerOfSubject,
  keyPem,
  makeAuthority,
  newKey,
  nodeOfSubject,
} from '../../src/join/authority.ts'
import { type CallerCredentials, NodeCaller } from '../../src/listener/caller.ts'
import { listenForCallers } from '../../src/listener/server.ts'
import type { NodeServices } from '../../src/listener/services.ts'

export const HOUR_MS = 3_600_000
export const never = new AbortController().signal
export const ADA = { role: 'operator', name: 'ada' } as const

export function nodePair(authority: Authority, node: string, joining = 'j1', nowMs = Date.now()) {
  const key = newKey()
  const certificate = authority.issueNode({ node, joining }, keyPem(createPublicKey(key)), nowMs)
  return { certificate, key: keyPem(key), authority: authority.certificate }
}

export function callerPair(
  authority: Authority,
  caller = ADA as Parameters<Authority['issueCaller']>[0],
  nowMs = Date.now(),
) {
  const { certificate, key } = authority.issueCaller(caller, HOUR_MS, nowMs)
  return { certificate, key, authority: authority.certificate }
}

/** So many times as fast as the machine's: silence is seen sooner. */
export function fastClock(factor: number): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now() * factor,
    schedule(delayMs, run) {
      const timer = setTimeout(run, delayMs / factor)
      return () => clearTimeout(timer)
    },
  }
}

export async function scene(
  services: Partial<NodeServices>,
  clock: Clock = systemClock,
  headersLimitMs = 5_000,
) {
  const authority = new Authority(makeAuthority(Date.now()))
  const listener = await listenForCallers({
    ...{ host: '127.0.0.1', port: 0, services: services as NodeServices, callerOf: callerOfSubject },
    ...{ clock, logger: silentLogger },
    identity: nodePair(authority, 'n1'),
    headersLimitMs,
  })
  const callers: NodeCaller[] = []
  const as = (credentials: CallerCredentials) => {
    const caller = new NodeCaller({
      clock,
      nodeOf: nodeOfSubject,
      credentials: async () => credentials,
    })
    callers.push(caller)
    return caller
  }
  const at = (more: object = {}) => ({ node: 'n1', listener: `127.0.0.1:${listener.port}`, ...more })
  const close = async () => {
    for (const one of callers) one.close()
    await listener.close()
  }
  return { authority, listener, as, at, close }
}

export type Scene = Awaited<ReturnType<typeof scene>>
