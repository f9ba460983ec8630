/**
 * How a node is heard of: its agent holds the lease `node/<name>`, renews it, and writes nothing else regularly. The lease also keeps two
 * agents of one name apart: whoever comes second is refused, before it touches a program.
 */
import { type Clock, delay } from '../core/clock.ts'
import { messageOf, NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { isOutage } from '../engine/failures.ts'
import type { Manager } from '../engine/manager.ts'
import {
  acquireLease,
  holderIsAlive,
  isOfEarlierBoot,
  type Lease,
  type LeaseHolder,
  type LeaseRecord,
  nodeLease,
  type RenewalGuard,
} from '../store/lease.ts'
import type { Store } from '../store/store.ts'

export interface HeartbeatOptions {
  readonly node: string
  readonly store: Store
  readonly holder: LeaseHolder
  readonly clock: Clock
  readonly logger: Logger
  /** What ends with the lease; nothing where left out. */
  readonly guard?: RenewalGuard
}

/**
 * Renewed every 4 s: of a grace period of 15 s three renewals may be lost, and 1,000 nodes are 250 small writes a second. An agent that
 * was silent for 12 s knows that it may be taken for lost.
 */
export const NODE_LEASE_MS = 16_000
/** A renewal of somebody who lives is seen within this. */
const RENEWAL_SEEN_MS = NODE_LEASE_MS / 4 + 1_000
const RETRY_MS = 1_000

/** What the agent's parts have to know of it. */
export interface HeldNode {
  readonly isHeld: boolean
  guard(manager: Manager): Manager
}

export class Heartbeat implements HeldNode {
  readonly #options: HeartbeatOptions
  #beat: Beat | undefined

  constructor(options: HeartbeatOptions) {
    this.#options = options
  }

  /** Whether this agent is the node's now. False while the store is away for long. */
  get isHeld(): boolean {
    return this.#beat?.lease !== undefined
  }

  get lease(): Lease | undefined {
    return this.#beat?.lease
  }

  /** Begins to claim the node, unless that goes on already. */
  begin(): void {
    if (this.#beat === undefined || this.#beat.hasFailed) this.#beat = new Beat(this.#options)
  }

  /** Gives the node up: the control plane sees at once that nobody looks after it. Never rejects. */
  async end(): Promise<void> {
    await this.#beat?.end()
  }

  /**
   * Has `manager` run for as long as this agent is the node's, from the first claim on. What stands in the way of being heard (a store
   * that is away) ends nothing; another agent of the same name does: Conflict, with both named.
   */
  guard(manager: Manager): Manager {
    return {
      cache: manager.cache,
      caughtUp: manager.caughtUp,
      add: (spec) => manager.add(spec),
      addRunnable: (runnable) => manager.addRunnable(runnable),
      run: async (signal) => {
        this.begin()
        const beat = this.#beat as Beat
        try {
          const both = AbortSignal.any([signal, beat.failed])
          await Promise.race([beat.claimed, abortOf(both)])
          if (!both.aborted) await manager.run(both)
        } finally {
          await beat.end()
        }
        if (beat.failed.aborted) throw beat.failed.reason
      },
    }
  }
}

/** From the first claim until it is given up, or another has the name. */
class Beat {
  lease: Lease | undefined
  readonly claimed: Promise<void>
  readonly #options: HeartbeatOptions
  readonly #claimed = Promise.withResolvers<void>()
  readonly #stop = new AbortController()
  readonly #failed = new AbortController()
  readonly #running: Promise<void>

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.claimed = this.#claimed.promise
    this.#running = this.#run(this.#stop.signal).catch((error) => this.#failed.abort(error))
  }

  /** Aborts with the reason why this agent cannot be the node's. */
  get failed(): AbortSignal {
    return this.#failed.signal
  }

  get hasFailed(): boolean {
    return this.failed.aborted
  }

  async end(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const lease = await this.#claim(signal)
      if (lease === undefined) return
      this.lease = lease
      this.#claimed.resolve()
      await Promise.race([abortOf(signal), abortOf(lease.lost)])
      this.lease = undefined
      if (signal.aborted) return await lease.release()
      this.#options.logger.log('warn', `this node may be taken for lost: ${messageOf(lease.lost.reason)}`)
    }
  }

  /** Undefined where it was told to end before. */
  async #claim(signal: AbortSignal): Promise<Lease | undefined> {
    const { clock, logger, node } = this.#options
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        return await claimNode(this.#options, signal)
      } catch (error) {
        if (signal.aborted) return undefined
        if (!isOutage(error)) throw error
        const level = failures === 0 ? 'warn' : 'debug'
        logger.log(level, `cannot say that node ${node} is there, trying again: ${messageOf(error)}`)
        await delay(clock, RETRY_MS, signal).catch(() => undefined)
      }
    }
    return undefined
  }
}

/** Waits for as long as somebody silent may still be alive; Conflict as soon as another is seen to renew. */
async function claimNode(options: HeartbeatOptions, signal: AbortSignal): Promise<Lease> {
  const { node, store, holder, clock, guard } = options
  const refused = new AbortController()
  let first: LeaseRecord | undefined
  let sinceMs = 0
  const onHeld = (record: LeaseRecord) => {
    if (first?.holder.id !== record.holder.id) {
      first = record
      sinceMs = clock.monotonic()
    } else if (record.renewals > first.renewals) refused.abort(takenBy(node, record.holder, holder))
  }
  /** What this machine was before it was booted is silent for good; a machine of the same name would not be. */
  const isAlive = (other: LeaseHolder) => {
    if (other.id === holder.id) return false
    const isSilent = other.id === first?.holder.id && clock.monotonic() - sinceMs >= RENEWAL_SEEN_MS
    return isSilent && isOfEarlierBoot(other) ? false : holderIsAlive(other)
  }
  const either = AbortSignal.any([signal, refused.signal])
  const name = nodeLease(node)
  return await acquireLease(store, {
    ...{ name, ttlMs: NODE_LEASE_MS, holder, clock, signal: either, onHeld, isAlive },
    ...(guard && { guard }),
  })
}

function takenBy(node: string, other: LeaseHolder, own: LeaseHolder): NsctlError {
  const text = ({ pid, host }: LeaseHolder) => `pid ${pid} on ${host}`
  return new NsctlError('Conflict', `node ${node} has an agent: ${text(other)}; this is ${text(own)}`, {
    value: node,
    next: 'stop the other one, or give this machine a name of its own: --node NAME',
  })
}

function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
