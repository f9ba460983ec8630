/** One client that takes leases, holds them for a while, writes under their fence, and gives them back. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../../../src/core/clock.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import { acquireLease, type Lease, thisProcess } from '../../../src/store/lease.ts'
import type { ClientOptions } from './client.ts'
import { writeOutcome } from './client.ts'
import { Recorder } from './recorder.ts'

export interface LeaseClientOptions extends ClientOptions {
  readonly ttlMs: number
  /** The longest that a lease is held. */
  readonly holdMs: number
}

const LEASES = ['one', 'two'] as const
const STALL_LOOK_MS = 10
const WRITE_EVERY_MS = 40

/** Ends when `signal` aborts, after giving back what it holds. */
export async function runLeaseClient(options: LeaseClientOptions): Promise<void> {
  const recorder = new Recorder(options.clock, options.sink)
  const { store, clock, signal, ttlMs, random } = options
  while (!signal.aborted) {
    const name = LEASES[random(LEASES.length)]!
    const askedMs = clock.monotonic()
    try {
      const lease = await acquireLease(store, { name, ttlMs, holder: thisProcess(), clock, signal })
      await hold(lease, askedMs, recorder, options)
    } catch (error) {
      if (signal.aborted) return
      if (!isNsctlError(error, 'Unreachable') && !isNsctlError(error, 'StoreLocked')) throw error
      await pause(100)
    }
  }
}

async function hold(
  lease: Lease,
  askedMs: number,
  recorder: Recorder,
  options: LeaseClientOptions,
): Promise<void> {
  const { clock, signal, random, holdMs, store, process } = options
  const { name, epoch, lost } = lease
  const id = recorder.begin({ kind: 'hold', name, epoch, revision: lease.fence[0]!.expect, askedMs })
  const stalls = new Stalls(clock)
  let isOver = false
  const over = () => {
    if (isOver) return
    isOver = true
    recorder.end(id, { kind: 'over', stalledMs: stalls.end() })
  }
  if (lost.aborted) over()
  else lost.addEventListener('abort', over, { once: true })
  const untilMs = clock.monotonic() + random(holdMs)
  // goes on writing for a while after it has lost it: the fence must hold
  for (let round = 0; clock.monotonic() < untilMs && !signal.aborted; round++) {
    const key = `work/${name}`
    const value = `${process}.${name}.${epoch}.${round}`
    await recorder.during(
      [{ kind: 'write', key, value, under: { name, epoch } }],
      () => store.commit([[...lease.fence, { kind: 'put', key, value }]]),
      ([result]) => [writeOutcome(result!, key)],
    )
    await pause(WRITE_EVERY_MS)
  }
  over()
  await lease.release()
}

/** How long this process stands still, as its own timer sees it. */
class Stalls {
  readonly #clock: Clock
  readonly #timer: NodeJS.Timeout
  #lookedMs: number
  #longestMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#lookedMs = clock.monotonic()
    this.#timer = setInterval(() => this.#look(), STALL_LOOK_MS)
  }

  /** The longest so far, in milliseconds. */
  end(): number {
    clearInterval(this.#timer)
    this.#look()
    return this.#longestMs
  }

  #look(): void {
    const nowMs = this.#clock.monotonic()
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lookedMs - STALL_LOOK_MS)
    this.#lookedMs = nowMs
  }
}
