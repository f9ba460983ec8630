/** How nodes are asked for their metrics: on this machine at a port on loopback, on others through their agents' listeners. */
import { readFileSync } from 'node:fs'
import { NsctlError } from '../core/errors.ts'
import type { NodeCaller } from '../listener/caller.ts'
import type { Node } from '../resources/generated/types.ts'
import { type FetchMetrics, metricsFetcher, type NodeTarget } from '../telemetry/scrape/fetch.ts'
import { addressOf } from './listening/call.ts'

/**
 * Where `node` is asked. A port on loopback is tried where it can be this machine's; never for a machine that joined, whose credential is worth no
 * more than itself, and must not send us to ports of ours.
 *
 * @param name of the node, which may be gone
 * @param bootId of this machine: see `thisBoot`
 * @throws NsctlError Unreachable where it is asked nowhere, with why
 */
export function metricsTarget(node: Node | undefined, name: string, bootId: string | undefined): NodeTarget {
  const { metricsUrl, listener, bootId: itsBoot } = node?.status ?? {}
  const joining = node?.spec?.joining
  const isOfAnotherBoot = itsBoot !== undefined && bootId !== undefined && itsBoot !== bootId
  const isElsewhere = joining !== undefined || isOfAnotherBoot
  const places = [
    ...(metricsUrl === undefined || isElsewhere ? [] : [metricsUrl]),
    ...(listener === undefined ? [] : [listener]),
  ]
  if (places.length > 0) return { node: name, places, ...(joining === undefined ? {} : { joining }) }
  // says why it does not listen
  if (isElsewhere && node !== undefined) addressOf(node)
  throw new NsctlError('Unreachable', `node ${name} serves no metrics`, {
    value: name,
    next: 'start its nsctl up again, without --no-metrics',
  })
}

/** What the kernel calls this boot of the machine; undefined where it does not. */
export function thisBoot(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    // not Linux
    return undefined
  }
}

export interface NodeMetrics {
  readonly fetch: FetchMetrics
  /** Ends the connections that it keeps. */
  close(): void
}

/** Connects to nothing yet. */
export function nodeMetrics(caller: Pick<NodeCaller, 'metrics' | 'close'>): NodeMetrics {
  const here = metricsFetcher()
  const askAt = async (place: string, target: NodeTarget, names: readonly string[], signal: AbortSignal) => {
    const { node, joining } = target
    if (!place.startsWith('http://'))
      return caller.metrics(
        { node, listener: place, ...(joining === undefined ? {} : { joining }) },
        names,
        signal,
      )
    const text = await here.fetch(place, names, signal)
    // of no instances there is nothing to tell
    const isOfNode =
      text.includes(`node=${JSON.stringify(node)}`) || (text === '' && target.places.length === 1)
    if (isOfNode) return text
    // the port is another node's, on a machine that looks the same
    throw new NsctlError('Unreachable', `what answers at ${place} is not node ${node}`, { value: node })
  }
  return {
    async fetch(target, names, signal) {
      const [first = '', ...others] = target.places
      let last = askAt(first, target, names, signal)
      for (const place of others)
        last = last.catch(() => {
          signal.throwIfAborted()
          return askAt(place, target, names, signal)
        })
      return last
    },
    close() {
      here.close()
      caller.close()
    },
  }
}
