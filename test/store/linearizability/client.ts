/**
 * One client: reads, writes and compares-and-sets registers, adds to sets and reads them, one operation after the other, and
 * writes down what it did.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../../../src/core/clock.ts'
import type { CommitResult, Entry, Operation, Store } from '../../../src/store/store.ts'
import type { Random } from '../random.ts'
import type { Call, Event, Outcome } from './operations.ts'
import { Recorder } from './recorder.ts'

export interface ClientOptions {
  readonly store: Store
  /** No two clients of a run share it: values are made of it. */
  readonly process: string
  readonly random: Random
  readonly clock: Clock
  readonly sink: (event: Event) => void
  /** When the run began, monotonic. Sets are begun anew every `periodMs`, so that reading one stays cheap. */
  readonly startedMs: number
  readonly periodMs: number
  /** Between two operations, on average. */
  readonly pauseMs: number
  readonly signal: AbortSignal
}

const REGISTERS = ['register/a', 'register/b', 'register/c', 'register/d', 'register/é😀'] as const

/** What one client does, of a hundred operations. The rest appends to a list. */
const SHARE = { read: 35, write: 15, compareAndSet: 20, add: 12, list: 10 }

/** Ends when `signal` aborts, after its last operation. Throws what is neither an answer nor a store that is away. */
export async function runClient(options: ClientOptions): Promise<void> {
  const client = new Client(options)
  while (!options.signal.aborted) {
    await client.act()
    await pause(options.pauseMs === 0 ? 0 : options.random(2 * options.pauseMs))
  }
}

class Client {
  readonly #options: ClientOptions
  readonly #recorder: Recorder
  /** The revision that each register was last seen at. */
  readonly #known = new Map<string, number>()
  #values = 0

  constructor(options: ClientOptions) {
    this.#options = options
    this.#recorder = new Recorder(options.clock, options.sink)
  }

  async act(): Promise<void> {
    let at = this.#options.random(100)
    const chosen = Object.entries(SHARE).find(([, share]) => {
      at -= share
      return at < 0
    })?.[0]
    switch (chosen) {
      case 'read':
        return this.#readRegisters()
      case 'write':
        return void (await this.#write(this.#register(), this.#value()))
      case 'compareAndSet':
        return this.#compareAndSet(this.#register())
      case 'add':
        return void (await this.#write(`set/${this.#period()}/${this.#value()}`, this.#value(), 0))
      case 'list':
        return this.#list(`set/${this.#period()}/`)
      default:
        return this.#append(`list/${this.#period()}`)
    }
  }

  /** Alone, as two of many, or as a snapshot of all. */
  async #readRegisters(): Promise<void> {
    const { store, random } = this.#options
    switch (random(4)) {
      case 0:
        return void (await this.#read([this.#register()], async (keys) => store.getMany(keys)))
      case 1: {
        const at = random(REGISTERS.length)
        const keys = [REGISTERS[at]!, REGISTERS[(at + 1) % REGISTERS.length]!]
        return void (await this.#read(keys, (both) => store.getMany(both)))
      }
      case 2:
        return void (await this.#read(REGISTERS, async () => (await store.list(['register/'])).entries))
      default:
        return void (await this.#readOne(this.#register()))
    }
  }

  #readOne(key: string): Promise<readonly Entry[] | undefined> {
    return this.#read([key], async () => {
      const entry = await this.#options.store.get(key)
      return entry === undefined ? [] : [entry]
    })
  }

  async #read(
    keys: readonly string[],
    ask: (keys: readonly string[]) => Promise<readonly Entry[]>,
  ): Promise<readonly Entry[] | undefined> {
    const calls = keys.map((key): Call => ({ kind: 'read', key }))
    const entries = await this.#recorder.during(
      calls,
      () => ask(keys),
      (found) => keys.map((key) => readOutcome(found.find((entry) => entry.key === key))),
    )
    for (const key of entries === undefined ? [] : keys)
      this.#known.set(key, entries!.find((entry) => entry.key === key)?.revision ?? 0)
    return entries
  }

  /** On what was last seen, or now and then on something older. */
  async #compareAndSet(key: string): Promise<void> {
    if (this.#options.random(2) === 0) await this.#readOne(key)
    const known = this.#known.get(key) ?? 0
    await this.#write(key, this.#value(), known > 1 && this.#options.random(8) === 0 ? known - 1 : known)
  }

  async #append(key: string): Promise<void> {
    const entries = await this.#readOne(key)
    if (entries === undefined) return
    const [entry] = entries
    const value = entry === undefined ? this.#value() : `${entry.value} ${this.#value()}`
    await this.#write(key, value, entry?.revision ?? 0)
  }

  async #write(key: string, value: string, expect?: number): Promise<void> {
    const put: Operation = { kind: 'put', key, value, ...(expect !== undefined && { expect }) }
    const call: Call = { ...put, kind: 'write' }
    const answer = await this.#recorder.during(
      [call],
      () => this.#options.store.commit([[put]]),
      ([result]) => [writeOutcome(result!, key)],
    )
    const result = answer?.[0]
    if (result !== undefined)
      this.#known.set(key, result.kind === 'committed' ? result.revision : result.actual)
  }

  async #list(prefix: string): Promise<void> {
    await this.#recorder.during(
      [{ kind: 'list', prefix }],
      () => this.#options.store.list([prefix]),
      ({ entries, revision }) => [listOutcome(entries, revision)],
    )
  }

  #register(): string {
    return REGISTERS[this.#options.random(REGISTERS.length)]!
  }

  #value(): string {
    return `${this.#options.process}.${this.#values++}`
  }

  /** Mostly the present one, and now and then the one before. */
  #period(): number {
    const { clock, startedMs, periodMs, random } = this.#options
    const now = Math.floor((clock.monotonic() - startedMs) / periodMs)
    return Math.max(0, now - (random(5) === 0 ? 1 : 0))
  }
}

export function readOutcome(entry: Entry | undefined): Outcome {
  if (entry === undefined) return { kind: 'ok', revision: 0 }
  return { kind: 'ok', revision: entry.revision, value: entry.value }
}

export function listOutcome(entries: readonly Entry[], revision: number): Outcome {
  const elements = Object.fromEntries(entries.map((entry) => [entry.key, entry.revision]))
  return { kind: 'listed', revision, elements }
}

/** What became of the only transaction that was committed, seen from `key`. */
export function writeOutcome(result: CommitResult, key: string): Outcome {
  if (result.kind === 'committed') return { kind: 'ok', revision: result.revision }
  return result.key === key ? { kind: 'refused', actual: result.actual } : { kind: 'refused' }
}
