/** Processes that contend for a lease, as a test steers them: they can stand still, die, and lose their store. */
import { type Clock, ManualClock } from '../../src/core/clock.ts'
import { NsctlError } from '../../src/core/errors.ts'
import { acquireLease, type Lease, type LeaseHolder } from '../../src/store/lease.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { Store } from '../../src/store/store.ts'

export const TTL_MS = 8_000

/** Lets everything run that waits for no clock. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** One process's clock: its timers wait while it stands still, and are gone once it is dead. */
class ProcessClock implements Clock {
  readonly #base: ManualClock
  #held: (() => void)[] | undefined
  #dead = false

  constructor(base: ManualClock) {
    this.#base = base
  }

  now(): number {
    return this.#base.now()
  }

  monotonic(): number {
    return this.#base.monotonic()
  }

  schedule(delayMs: number, run: () => void): () => void {
    let cancelled = false
    const fire = () => {
      if (!cancelled && !this.#dead) run()
    }
    const cancel = this.#base.schedule(delayMs, () => (this.#held ? this.#held.push(fire) : fire()))
    return () => {
      cancelled = true
      cancel()
    }
  }

  pause(): void {
    this.#held ??= []
  }

  resume(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const run of held) run()
  }

  die(): void {
    this.#dead = true
  }
}

export class Contender {
  readonly holder: LeaseHolder
  readonly #clock: ProcessClock
  readonly #abort = new AbortController()
  lease: Lease | undefined
  state: 'running' | 'paused' | 'dead' = 'running'
  /** Its store answers nothing but errors. */
  cutOff = false

  constructor(world: World, id: string) {
    this.holder = { id, host: 'host', pid: 1, startTime: '1', bootId: 'boot', about: {} }
    this.#clock = new ProcessClock(world.clock)
    const store = this.#cuttable(world.store)
    const { holder } = this
    const options = { name: 'leader', ttlMs: TTL_MS, holder, clock: this.#clock, signal: this.#abort.signal }
    const isAlive = (other: LeaseHolder) => world.isAlive(other)
    // runs for office again whenever it has lost
    void (async () => {
      while (!this.#abort.signal.aborted) {
        try {
          this.lease = await acquireLease(store, { ...options, isAlive })
          const { lost } = this.lease
          if (!lost.aborted) await new Promise((resolve) => lost.addEventListener('abort', resolve))
        } catch {
          await new Promise<void>((resolve) => this.#clock.schedule(100, resolve))
        }
      }
    })()
  }

  /** Believes that it holds the lease and could act on it at this moment. */
  get acts(): boolean {
    return this.state === 'running' && this.lease !== undefined && !this.lease.lost.aborted
  }

  pause(): void {
    if (this.state !== 'running') return
    this.state = 'paused'
    this.#clock.pause()
  }

  resume(): void {
    if (this.state !== 'paused') return
    this.state = 'running'
    this.#clock.resume()
  }

  die(): void {
    this.state = 'dead'
    this.#clock.die()
    this.#abort.abort()
  }

  async release(): Promise<void> {
    this.#abort.abort()
    await this.lease?.release()
    this.lease = undefined
  }

  #cuttable(store: Store): Store {
    return new Proxy(store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        return (...args: readonly unknown[]) => {
          if (this.cutOff && name !== 'watch') return Promise.reject(new NsctlError('Unreachable', 'cut off'))
          return member.apply(target, args)
        }
      },
    })
  }
}

export class World {
  readonly clock = new ManualClock()
  readonly store = createMemoryStore()
  readonly contenders: Contender[] = []
  /** Whether a holder's death can be seen from outside. */
  seesDeath = false

  join(id: string): Contender {
    const contender = new Contender(this, id)
    this.contenders.push(contender)
    return contender
  }

  isAlive(holder: LeaseHolder): boolean | undefined {
    if (!this.seesDeath) return undefined
    return this.contenders.some((one) => one.holder.id === holder.id && one.state !== 'dead')
  }

  /** Advances in steps, letting everything settle after each, and calls `look` there. */
  async pass(ms: number, look: () => void = () => {}): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= 100) {
      this.clock.advance(Math.min(100, leftMs))
      await settle()
      look()
    }
  }

  get acting(): readonly string[] {
    return this.contenders.filter((one) => one.acts).map((one) => one.holder.id)
  }
}
