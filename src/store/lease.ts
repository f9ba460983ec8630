/**
 * The one lease mechanism, over any store: a key renewed by compare-and-set, and beside it an epoch that moves only on
 * acquisition and fences the holder's writes. No clock is ever compared with another's: whoever waits counts for how long
 * the record has stood still before its own eyes.
 */
import { type Clock, delay } from '../core/clock.ts'
import { Bell } from './feed.ts'
import { type Fence, HeldLease, type Lease, type RenewalGuard } from './held-lease.ts'
import { holderIsAlive, type LeaseHolder } from './holder.ts'
import { type LeaseKeys, type LeaseRecord, leaseKeys, parseRecord } from './lease-record.ts'
import type { Entry, Store, StoreReader, StoreWriter } from './store.ts'

export type { Fence, Lease, RenewalGuard } from './held-lease.ts'
export { holderIsAlive, isOfEarlierBoot, type LeaseHolder, thisProcess } from './holder.ts'
export type { LeaseRecord } from './lease-record.ts'

/** Under these lie the leases by which nodes are heard of. */
export const NODE_LEASES = 'node/'

/** The name of the lease that a node's agent holds. */
export function nodeLease(node: string): string {
  return NODE_LEASES + node
}

export interface AcquireOptions {
  /** A path segment or several: `leader`, `unique/default/web-0`. */
  readonly name: string
  /** How long the others wait for a holder that says nothing. It is renewed four times as often. */
  readonly ttlMs: number
  readonly holder: LeaseHolder
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Called with what each reading finds, as long as another holds it. */
  readonly onHeld?: (record: LeaseRecord) => void
  /** Whether a holder's process lives, where that can be known; `holderIsAlive` where left out. */
  readonly isAlive?: (holder: LeaseHolder) => boolean | undefined
  /** Waited for before the lease is asked for, and before each renewal. */
  readonly guard?: RenewalGuard
}

/** How often a waiting process looks whether the holder's process on this machine has died. Asks nothing of the store. */
const LOOK_MS = 200
/** So many times within a lease's ttl the store is asked, also where the watch of it says nothing. */
const READS_PER_TTL = 4

/** Who holds the lease, or held it last and did not release it. Undefined where it is free. */
export async function readLease(store: StoreReader, name: string): Promise<LeaseRecord | undefined> {
  const entry = await store.get(leaseKeys(name).record)
  return entry && parseRecord(entry.value)
}

/**
 * Waits until the lease is free and takes it: released, its holder known to be dead, or silent for its ttl. Rejects with
 * the signal's reason, and with what the store throws.
 */
export async function acquireLease(store: Store, options: AcquireOptions): Promise<Lease> {
  const { name, clock, signal } = options
  signal.throwIfAborted()
  const keys = leaseKeys(name)
  const news = new Bell()
  const done = new AbortController()
  const ended = AbortSignal.any([signal, done.signal])
  let watching: Promise<void> | undefined
  let seen: { readonly revision: number; readonly atMs: number } | undefined
  try {
    for (;;) {
      signal.throwIfAborted()
      const heard = news.rings
      const [record, epoch] = await readBoth(store, keys)
      const startedMs = clock.monotonic()
      if (record === undefined || seen?.revision !== record.revision)
        seen = { revision: record?.revision ?? 0, atMs: startedMs }
      if (isFree(record, startedMs - seen.atMs, options)) {
        const lease = await tryAcquire(store, options, record, epoch)
        if (lease !== undefined) return lease
        continue
      }
      const held = record && parseRecord(record.value)
      if (held !== undefined) options.onHeld?.(held)
      watching ??= ringOnChange(store, keys.record, seen.revision, news, ended)
      const round = new AbortController()
      const over = AbortSignal.any([ended, round.signal])
      const silentAtMs = seen.atMs + (held?.ttlMs ?? options.ttlMs)
      await Promise.race([news.wait(heard, over), untilWorthReading(held, silentAtMs, options, over)])
      round.abort()
    }
  } finally {
    done.abort()
    await watching
  }
}

/** Until the holder is known to be dead or has been silent for long enough, or the store was not asked for a while. */
async function untilWorthReading(
  held: LeaseRecord | undefined,
  silentAtMs: number,
  options: AcquireOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, ttlMs } = options
  const untilMs = Math.min(silentAtMs, clock.monotonic() + ttlMs / READS_PER_TTL)
  while (!signal.aborted) {
    const leftMs = untilMs - clock.monotonic()
    if (leftMs <= 0 || (held !== undefined && isDead(held, options))) return
    await delay(clock, Math.min(LOOK_MS, leftMs), signal).catch(() => {})
  }
}

function isDead({ holder }: LeaseRecord, { isAlive = holderIsAlive }: AcquireOptions): boolean {
  return isAlive(holder) === false
}

async function readBoth(store: StoreReader, keys: LeaseKeys): Promise<readonly (Entry | undefined)[]> {
  const entries = await store.getMany([keys.record, keys.epoch])
  return [keys.record, keys.epoch].map((key) => entries.find((entry) => entry.key === key))
}

function isFree(entry: Entry | undefined, unchangedMs: number, options: AcquireOptions): boolean {
  if (entry === undefined) return true
  const record = parseRecord(entry.value)
  if (record === undefined) return unchangedMs >= options.ttlMs
  return unchangedMs >= record.ttlMs || isDead(record, options)
}

/** Undefined where another was faster. */
async function tryAcquire(
  store: Store,
  { name, ttlMs, holder, clock, guard }: AcquireOptions,
  before: Entry | undefined,
  epochBefore: Entry | undefined,
): Promise<Lease | undefined> {
  const keys = leaseKeys(name)
  const epoch = (Number(epochBefore?.value) || 0) + 1
  const record: LeaseRecord = { holder, ttlMs, epoch, renewals: 0, renewedAtMs: clock.now() }
  const wentThrough = await guard?.before()
  const startedMs = clock.monotonic()
  const [result] = await store.commit([
    [
      { kind: 'put', key: keys.record, value: JSON.stringify(record), expect: before?.revision ?? 0 },
      { kind: 'put', key: keys.epoch, value: String(epoch), expect: epochBefore?.revision ?? 0 },
    ],
  ])
  if (result?.kind !== 'committed') return undefined
  wentThrough?.()
  return new HeldLease({ store, clock, name, record, revision: result.revision, startedMs, guard })
}

/** What was seen of a lease at one time: the revisions of its two entries, 0 for one that is not there. */
export interface LeaseSight {
  readonly record: number
  readonly epoch: number
}

/**
 * Has whoever holds the lease hold it no more: its next renewal is refused, and it has to be acquired anew. Returns what fences: writes with
 * it are refused once somebody has. Undefined where the lease is not any more what was seen, and then nothing is done.
 */
export async function voidLease(
  store: StoreReader & StoreWriter,
  name: string,
  seen: LeaseSight,
): Promise<Fence | undefined> {
  const keys = leaseKeys(name)
  const entry = await store.get(keys.epoch)
  const epoch = (Number(entry?.value) || 0) + 1
  const [result] = await store.commit([
    [
      { kind: 'check', key: keys.record, expect: seen.record },
      { kind: 'put', key: keys.epoch, value: String(epoch), expect: seen.epoch },
    ],
  ])
  if (result?.kind !== 'committed') return undefined
  return [{ kind: 'check', key: keys.epoch, expect: result.revision }]
}

/** Wakes the one who waits as soon as the record changes. Looking now and then does it as well, only later. */
async function ringOnChange(
  store: Store,
  key: string,
  from: number,
  news: Bell,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const _ of store.watch([key], from, signal)) news.ring()
  } catch {
    // the next look reports what is wrong with the store
  }
}
