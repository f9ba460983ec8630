/** Leadership: one process of several acts at a time, and what a former one still writes is refused by the store. */
import { type Clock, delay } from '../core/clock.ts'
import { isNsctlError, messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { acquireLease, type Fence, type Lease, type LeaseHolder, type LeaseRecord } from '../store/lease.ts'
import type { Store } from '../store/store.ts'
import { backoffMs } from './backoff.ts'
import { isFenced, isOutage } from './failures.ts'
import { type EngineMetrics, noMetrics } from './metrics.ts'

/** What a leader needs to know of its term. */
export interface Term {
  /** Open the api with it (`api.fenced(fence, lost)`): its writes are refused once another leads. */
  readonly fence: Fence
  /** Aborts when the lease is lost, and not when the term ends in order: what is in the midst of something may finish it then. */
  readonly lost: AbortSignal
  /** Grows with each leader. */
  readonly epoch: number
  /** Says something else about the leader in the lease's record, for others to read. */
  tell(about: LeaseHolder['about']): Promise<void>
}

export interface LeaderOptions {
  readonly store: Store
  /** The lease's name. */
  readonly lease: string
  readonly ttlMs: number
  readonly holder: LeaseHolder
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics?: EngineMetrics
  /** Uniform in [0, 1), for jitter. Math.random if left out. */
  readonly random?: () => number
  /** Called with who leads instead, again and again while this process waits. */
  readonly onStandby?: (leader: LeaseRecord) => void
  /** Leads until its signal aborts: make a manager anew and run it. */
  lead(term: Term, signal: AbortSignal): Promise<void>
}

/** Between terms, and while the store is away. */
const CAMPAIGN_BACKOFF = { baseMs: 100, maxMs: 5_000 }

/**
 * Waits for the lease, leads, and waits again when it was lost, until `signal` aborts; then what leads is stopped, the lease
 * is released, so that another follows at once, and it resolves. It resolves, too, when `lead` is done by itself. Rejects
 * with what is wrong with the store beyond an outage, and with what `lead` rejects with, except that another leads now
 * (Fenced). If that is a Timeout, something of the term may still be running: then the lease is not released but left to
 * expire.
 */
export async function runAsLeader(options: LeaderOptions, signal: AbortSignal): Promise<void> {
  const { lease: name, ttlMs, clock, logger, metrics = noMetrics, random = Math.random } = options
  metrics.leader(name, false)
  /** Terms lost in a row that were over sooner than a lease lasts. */
  let shortTerms = 0
  for (;;) {
    const lease = await campaign(options, signal)
    if (lease === undefined) return
    const sinceMs = clock.monotonic()
    logger.log('info', `leading (${name})`, { epoch: lease.epoch })
    metrics.leader(name, true)
    const end = await serveTerm(options, lease, signal).finally(() => metrics.leader(name, false))
    if (end === 'done' || signal.aborted) return
    logger.log('warn', `no longer leading (${name}): ${messageOf(end.lost)}`, { epoch: lease.epoch })
    shortTerms = clock.monotonic() - sinceMs > ttlMs ? 0 : shortTerms + 1
    await pause(clock, backoffMs(shortTerms, CAMPAIGN_BACKOFF, random), signal)
  }
}

/** Waits until the lease is this process's. Undefined once `signal` has aborted. */
async function campaign(options: LeaderOptions, signal: AbortSignal): Promise<Lease | undefined> {
  const { store, lease: name, ttlMs, holder, clock, logger, onStandby, random = Math.random } = options
  const onHeld = onStandby === undefined ? {} : { onHeld: onStandby }
  for (let failures = 0; !signal.aborted; ) {
    try {
      return await acquireLease(store, { name, ttlMs, holder, clock, signal, ...onHeld })
    } catch (error) {
      if (signal.aborted) return undefined
      if (!isOutage(error)) throw error
      failures++
      const level = failures === 1 ? 'warn' : 'debug'
      logger.log(level, `cannot reach for the lease ${name}, trying again: ${messageOf(error)}`, { error })
      await pause(clock, backoffMs(failures, CAMPAIGN_BACKOFF, random), signal)
    }
  }
  return undefined
}

/** Leads once, and releases the lease unless something may still be running. Rejects with what is no loss of the lease. */
async function serveTerm(
  { lead }: LeaderOptions,
  lease: Lease,
  signal: AbortSignal,
): Promise<'done' | { readonly lost: unknown }> {
  const { fence, epoch, lost } = lease
  const led = AbortSignal.any([signal, lost])
  try {
    await lead({ fence, lost, epoch, tell: (about) => lease.tell(about) }, led)
  } catch (error) {
    if (isNsctlError(error, 'Timeout')) throw error
    await lease.release()
    if (isFenced(error)) return { lost: error }
    if (led.aborted && error === led.reason) return 'done'
    throw error
  }
  await lease.release()
  return lost.aborted ? { lost: lost.reason } : 'done'
}

async function pause(clock: Clock, forMs: number, signal: AbortSignal): Promise<void> {
  await delay(clock, forMs, signal).catch(() => {})
}
