/** A lease while it is held: renewed in time, and given up by its holder before another may take it. */
import type { Clock } from '../core/clock.ts'
import { NsctlError } from '../core/errors.ts'
import { type LeaseRecord, leaseKeys, parseRecord } from './lease-record.ts'
import type { CommitResult, Operation, StoreReader, StoreWriter } from './store.ts'

/** Add these to a transaction and it is refused once another holds the lease. */
export type Fence = readonly Extract<Operation, { kind: 'check' }>[]

/**
 * Two holders never overlap while their clocks run at the same pace within a quarter: the holder stops three quarters of
 * the ttl after it began its last renewal, others wait for a whole ttl without one. Only a process that stands still as a
 * whole (stopped, swapped out) can believe longer, and the fence refuses what it writes then.
 */
export interface Lease {
  readonly name: string
  /** Grows with every acquisition, by whomever. */
  readonly epoch: number
  readonly fence: Fence
  /** The store's, when the lease was acquired or last renewed: only grows, whoever holds it. */
  readonly revision: number
  /** Aborts when the lease can no longer be relied on, with the reason (code Fenced). Not when it is released. */
  readonly lost: AbortSignal
  /** Says something else about the holder, with a renewal at once; where that fails, with the next that does not. */
  tell(about: Readonly<Record<string, string>>): Promise<void>
  /** Renews at once. That it failed is seen by `revision`. */
  renew(): Promise<void>
  /** Stops renewing and lets the next one in at once. Never rejects: what cannot be said now is shown by the ttl. */
  release(): Promise<void>
}

/** Has a say in when renewals are sent: what ends by itself unless they go on is to be told before, never after. */
export interface RenewalGuard {
  /** Waited for before one is sent; what it resolves to is called once that has gone through. Never rejects. */
  before(): Promise<() => void>
}

const VALID_PART = 3 / 4
const RENEW_PART = 1 / 4
const RETRY_PART = 1 / 16

export interface HeldLeaseOptions {
  readonly store: StoreReader & StoreWriter
  readonly clock: Clock
  readonly name: string
  readonly record: LeaseRecord
  /** Of the acquisition: both keys were written with it. */
  readonly revision: number
  /** When the acquisition began, monotonic. */
  readonly startedMs: number
  readonly guard?: RenewalGuard | undefined
}

/** Made by `acquireLease` alone, which has just written its record. */
export class HeldLease implements Lease {
  readonly name: string
  readonly epoch: number
  readonly fence: Fence
  readonly #store: StoreReader & StoreWriter
  readonly #clock: Clock
  readonly #key: string
  readonly #lost = new AbortController()
  readonly #guard: RenewalGuard | undefined
  #record: LeaseRecord
  #about: LeaseRecord['holder']['about']
  #revision: number
  #validUntilMs: number
  #released = false
  #renewing: Promise<void> = Promise.resolve()
  #cancelExpiry: () => void = () => {}
  #cancelRenewal: () => void = () => {}

  constructor({ store, clock, name, record, revision, startedMs, guard }: HeldLeaseOptions) {
    this.name = name
    this.epoch = record.epoch
    const keys = leaseKeys(name)
    this.fence = [{ kind: 'check', key: keys.epoch, expect: revision }]
    this.#key = keys.record
    this.#store = store
    this.#clock = clock
    this.#guard = guard
    this.#record = record
    this.#about = record.holder.about
    this.#revision = revision
    this.#validUntilMs = startedMs
    this.#extend(startedMs)
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  get revision(): number {
    return this.#revision
  }

  async tell(about: Readonly<Record<string, string>>): Promise<void> {
    this.#about = about
    await this.renew()
  }

  async renew(): Promise<void> {
    // one that is under way may say it already, or still the former
    await this.#renewing
    if (this.#released || this.#lost.signal.aborted) return
    this.#cancelRenewal()
    this.#renewing = this.#renew()
    await this.#renewing
  }

  async release(): Promise<void> {
    if (this.#released) return
    this.#released = true
    this.#stop()
    // of what is lost nothing is given back, and its last renewal may wait for a store that is away
    if (this.#lost.signal.aborted) return
    await this.#renewing
    if (this.#lost.signal.aborted) return
    try {
      await this.#store.commit([[{ kind: 'delete', key: this.#key, expect: this.#revision }]])
    } catch {
      // the ttl tells the others
    }
  }

  /** A renewal that began at `startedMs` went through. */
  #extend(startedMs: number): void {
    this.#stop()
    const { ttlMs } = this.#record
    this.#validUntilMs = startedMs + ttlMs * VALID_PART
    const nowMs = this.#clock.monotonic()
    this.#cancelExpiry = this.#clock.schedule(Math.max(0, this.#validUntilMs - nowMs), () => this.#expire())
    this.#renewAfter(Math.max(0, startedMs + ttlMs * RENEW_PART - nowMs))
  }

  #renewAfter(afterMs: number): void {
    this.#cancelRenewal = this.#clock.schedule(afterMs, () => {
      this.#renewing = this.#renew()
    })
  }

  async #renew(): Promise<void> {
    // timers that were held up may run in any order
    if (this.#clock.monotonic() >= this.#validUntilMs) return this.#expire()
    const wentThrough = await this.#guard?.before()
    const startedMs = this.#clock.monotonic()
    if (this.#lost.signal.aborted || startedMs >= this.#validUntilMs) return this.#expire()
    const holder = { ...this.#record.holder, about: this.#about }
    const renewals = this.#record.renewals + 1
    const record = { ...this.#record, holder, renewals, renewedAtMs: this.#clock.now() }
    try {
      const result = await this.#put(record)
      if (this.#lost.signal.aborted) return
      if (result?.kind === 'committed') {
        this.#record = record
        this.#revision = result.revision
        wentThrough?.()
        if (!this.#released) this.#extend(startedMs)
      } else if (!(await this.#isStillOurs())) {
        this.#lose(`another took the lease ${this.name}`)
      } else if (!this.#released) {
        // an earlier renewal went through that seemed to fail
        this.#renewAfter(0)
      }
    } catch {
      // the store may be back before the lease runs out
      if (!this.#released && !this.#lost.signal.aborted) this.#renewAfter(this.#record.ttlMs * RETRY_PART)
    }
  }

  async #put(record: LeaseRecord): Promise<CommitResult | undefined> {
    const value = JSON.stringify(record)
    const put = { kind: 'put', key: this.#key, value, expect: this.#revision } as const
    const [result] = await this.#store.commit([[...this.fence, put]])
    return result
  }

  /** After a conflict: whether the record there is one that we wrote; then goes on from it. */
  async #isStillOurs(): Promise<boolean> {
    const epochs = this.fence.map(({ key }) => key)
    const entries = await this.#store.getMany([this.#key, ...epochs])
    // whoever moves the epoch has voided the lease, and need not hold it
    if (this.fence.some(({ key, expect }) => entries.find((one) => one.key === key)?.revision !== expect))
      return false
    const entry = entries.find(({ key }) => key === this.#key)
    const record = entry && parseRecord(entry.value)
    if (entry === undefined || record === undefined) return false
    if (record.holder.id !== this.#record.holder.id || record.epoch !== this.epoch) return false
    this.#record = record
    this.#revision = entry.revision
    return true
  }

  #expire(): void {
    this.#lose(`the lease ${this.name} could not be renewed in time`)
  }

  #lose(message: string): void {
    this.#stop()
    this.#lost.abort(new NsctlError('Fenced', message, { value: this.name }))
  }

  #stop(): void {
    this.#cancelExpiry()
    this.#cancelRenewal()
  }
}
