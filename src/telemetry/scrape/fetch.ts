/** Gets the text of a metrics listener. */
import { Agent, get } from 'node:http'
import { messageOf, NsctlError } from '../../core/errors.ts'

/** A node, and where it is asked for its metrics: whoever fetches knows what that means. */
export interface NodeTarget {
  readonly node: string
  /** By preference. What was learnt at other places is not mixed with what is learnt at these. */
  readonly places: readonly string[]
  /** Which joining it came of, for a machine that joined. */
  readonly joining?: string
}

/** Resolves to those metrics of a node that have one of `names`. Rejects with Unreachable, and with the signal's reason. */
export type FetchMetrics = (
  target: NodeTarget,
  names: readonly string[],
  signal: AbortSignal,
) => Promise<string>

/** What is asked for of a node with ten thousand instances is less. */
const MAX_BYTES = 16 * 2 ** 20

export interface MetricsFetcher {
  /** Resolves to what the listener at `url` says of metrics with one of `names`. Rejects as `FetchMetrics` does. */
  fetch(url: string, names: readonly string[], signal: AbortSignal): Promise<string>
  /** Ends the connections that it keeps. */
  close(): void
}

export function metricsFetcher(maxBytes = MAX_BYTES): MetricsFetcher {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    fetch: (url, names, signal) =>
      fetchOver(agent, `${url}?${names.map((name) => `name[]=${name}`).join('&')}`, signal, maxBytes),
    close: () => agent.destroy(),
  }
}

function fetchOver(agent: Agent, url: string, signal: AbortSignal, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) =>
      reject(
        signal.aborted
          ? signal.reason
          : new NsctlError('Unreachable', `the metrics at ${new URL(url).host} cannot be read: ${why}`, {
              value: url,
              next: 'check that the node’s agent runs, and serves metrics',
            }),
      )
    const request = get(url, { agent, signal }, (response) => {
      const parts: Buffer[] = []
      let bytes = 0
      response.on('data', (part: Buffer) => {
        bytes += part.length
        parts.push(part)
        if (bytes <= maxBytes) return
        fail(`more than ${maxBytes / 2 ** 20} MiB`)
        response.destroy()
      })
      response.once('error', (error) => fail(messageOf(error)))
      response.once('close', () => fail('the connection was closed amid the answer'))
      response.once('end', () =>
        response.statusCode === 200
          ? resolve(Buffer.concat(parts).toString())
          : fail(`the answer is ${response.statusCode}`),
      )
    })
    request.on('error', (error) => fail(messageOf(error)))
  })
}
