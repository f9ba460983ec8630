/** Changes under prefixes, from a revision on, over whichever member answers. */
import { type Clock, delay } from '../../core/clock.ts'
import { matcherOf, rangesOf } from '../keys.ts'
import type { Change, WatchBatch } from '../store.ts'
import { type EtcdClient, isPassing, isStaleToken, isStaleTokenText } from './client.ts'
import type { Keyspace } from './keyspace.ts'
import { currentRevision } from './listing.ts'
import type { ByteRange, WatchEvent, WatchResponse } from './messages.ts'
import { RpcError, STATUS } from './rpc.ts'

export interface WatchOptions {
  readonly client: EtcdClient
  readonly keyspace: Keyspace
  readonly clock: Clock
  readonly prefixes: readonly string[]
  readonly from: number
  readonly signal: AbortSignal
}

/** How long a watch looks for a member that answers before it throws. */
const PATIENCE_MS = 5_000
const PAUSE_MS = 100

/**
 * One watch of etcd over the smallest range that holds all prefixes; what lies between them is left out here. Watches of
 * their own for each would come in no common order, and a transaction in pieces.
 */
export async function* watchChanges(options: WatchOptions): AsyncGenerator<WatchBatch> {
  const { client, keyspace, clock, signal } = options
  const ranges = rangesOf(options.prefixes)
  const [first, last] = [ranges[0], ranges.at(-1)]
  if (first === undefined || last === undefined) return untilAborted(signal)
  const range = keyspace.rangeOf({ from: first.from, to: last.to })
  const position = new Position(client, range, options.from)
  const matches = matcherOf(options.prefixes)
  let failingSinceMs: number | undefined
  while (!signal.aborted) {
    const whole = new WholeTransactions()
    try {
      for await (const response of client.watch(range, position.revision + 1, signal)) {
        const restart = await position.restartFrom(response)
        failingSinceMs = undefined
        if (restart !== undefined) {
          yield { kind: 'relist', revision: restart }
          break
        }
        const batch = batchOf(whole.take(response), response, keyspace, matches)
        if (batch === undefined || batch.revision <= position.revision) continue
        position.revision = batch.revision
        if (batch.changes.length > 0 || batch.isProgress) {
          yield { kind: 'changes', changes: batch.changes, revision: batch.revision }
        }
      }
    } catch (error) {
      if (signal.aborted) return
      if (!isPassing(error) && !isStaleToken(error)) throw error
      failingSinceMs ??= clock.monotonic()
      if (clock.monotonic() - failingSinceMs > PATIENCE_MS) throw error
      await delay(clock, PAUSE_MS, signal).catch(() => {})
    }
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** How far a watch has come, and whether it can go on from there. */
class Position {
  readonly #client: EtcdClient
  readonly #range: ByteRange
  #cluster: string | undefined
  /** Whether a refusal has been answered with a new token: members before 3.5 tell an old one from a missing right in no way. */
  #renewed = false
  revision: number

  constructor(client: EtcdClient, range: ByteRange, revision: number) {
    this.#client = client
    this.#range = range
    this.revision = revision
  }

  /**
   * The revision to start over from, where what is between can no longer be told: it was compacted, lies in the future, or was in
   * another cluster. Throws RpcError for a watch that etcd has refused.
   */
  async restartFrom(response: WatchResponse): Promise<number | undefined> {
    if (response.compactRevision > 0 || /compacted/.test(response.cancelReason)) return this.#startOver()
    if (response.canceled) throw this.#refusal(response)
    if (!response.created) return undefined
    this.#renewed = false
    const before = this.#cluster
    this.#cluster = response.cluster
    if (before !== undefined && before !== response.cluster) return this.#startOver()
    // a member may lag behind what another one told
    const isAhead = response.revision < this.revision && (await this.#newest()) < this.revision
    return isAhead ? this.#startOver() : undefined
  }

  #newest(): Promise<number> {
    return currentRevision(this.#client, this.#range.key)
  }

  async #startOver(): Promise<number> {
    this.revision = await this.#newest()
    return this.revision
  }

  #refusal({ cancelReason }: WatchResponse): RpcError {
    if (isStaleTokenText(cancelReason) || (/permission denied/.test(cancelReason) && !this.#renewed)) {
      this.#renewed = true
      this.#client.renewToken()
      return new RpcError(STATUS.unavailable, cancelReason)
    }
    const status = /permission denied/.test(cancelReason) ? STATUS.permissionDenied : STATUS.unknown
    return new RpcError(status, cancelReason || 'etcd ended the watch')
  }
}

/** Puts together what etcd sends in parts. A response holds one revision or several; only its last one may be cut. */
export class WholeTransactions {
  #held: readonly WatchEvent[] = []

  /** The events of all revisions that are complete by now. */
  take({ events, fragment }: Pick<WatchResponse, 'events' | 'fragment'>): readonly WatchEvent[] {
    const all = this.#held.length === 0 ? events : [...this.#held, ...events]
    const last = all.at(-1)?.keyValue.modRevision
    const cut = fragment ? all.findIndex((event) => event.keyValue.modRevision === last) : all.length
    this.#held = all.slice(cut)
    return all.slice(0, cut)
  }
}

interface Batch {
  readonly changes: readonly Change[]
  readonly revision: number
  /** Nothing happened up to that revision. */
  readonly isProgress: boolean
}

/** Undefined where a response says nothing new. */
function batchOf(
  events: readonly WatchEvent[],
  response: WatchResponse,
  keyspace: Keyspace,
  matches: (key: string) => boolean,
): Batch | undefined {
  const last = events.at(-1)
  if (last === undefined) {
    const isProgress = !response.created && !response.fragment && response.events.length === 0
    return isProgress ? { changes: [], revision: response.revision, isProgress } : undefined
  }
  const changes: Change[] = []
  for (const { kind, keyValue } of events) {
    const key = keyspace.nameOf(keyValue.key)
    const revision = keyValue.modRevision
    if (!matches(key)) continue
    if (kind === 'put') changes.push({ kind, key, value: keyValue.value.toString(), revision })
    else changes.push({ kind, key, revision })
  }
  // not the response's own revision: a watch that catches up hears that of the newest event with each part
  return { changes, revision: last.keyValue.modRevision, isProgress: false }
}
