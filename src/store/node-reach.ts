/**
 * What of a store the agent of one node needs, and all that its credential may reach. Engines make their rules out of it (policies,
 * roles), and readers of what agents wrote believe an agent of nothing else. Pure.
 */
import { NsctlError } from '../core/errors.ts'
import { LEASE_PREFIX } from './lease-record.ts'
import { LAYOUT_KEY } from './snapshot.ts'

/** A key, or all keys that begin with it. */
export interface KeySpan {
  readonly key: string
  readonly isPrefix: boolean
}

export interface NodeReach {
  readonly node: string
  /** Beside what may be written. */
  readonly read: readonly KeySpan[]
  readonly write: readonly KeySpan[]
}

const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/

export function isNodeName(node: string): boolean {
  return NAME.test(node)
}

/** @throws NsctlError Invalid for what is no name of a Node: it goes into rules word for word */
export function nodeReach(node: string): NodeReach {
  if (!isNodeName(node))
    throw new NsctlError('Invalid', `${JSON.stringify(node)} cannot be the name of a Node`, {
      value: node,
      next: 'use lower-case letters, digits, - and ., at most 253 of them',
    })
  return {
    node,
    read: [whole(LAYOUT_KEY), whole(`obj/nsctl.dev/nodes/_/${node}`), under(`node/${node}/`)],
    write: [
      under(`node/${node}/status/`),
      whole(`objstatus/nsctl.dev/nodes/_/${node}`),
      under(`event/${node}/`),
      under(`${LEASE_PREFIX}node/${node}/`),
    ],
  }
}

export function spans(reach: readonly KeySpan[], key: string): boolean {
  return reach.some((span) => (span.isPrefix ? key.startsWith(span.key) : key === span.key))
}

function whole(key: string): KeySpan {
  return { key, isPrefix: false }
}

function under(key: string): KeySpan {
  return { key, isPrefix: true }
}
