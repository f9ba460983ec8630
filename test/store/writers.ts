/** Writers over a store that fails now and then, and what they know of what they wrote. */
import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import type { Operation, Store } from '../../src/store/store.ts'
import { put } from './contract-read.ts'
import type { Committed } from './history.ts'

const PAUSE_MS = 10

export interface Tally {
  readonly committed: Committed[]
  /** Rejected: it is not known whether they happened. */
  readonly unknown: (readonly Operation[])[]
  conflicts: number
  /** The longest that one commit took, whatever came of it. */
  slowestMs: number
}

export function newTally(): Tally {
  return { committed: [], unknown: [], conflicts: 0, slowestMs: 0 }
}

/** Commits transactions of two keys, each value once, until `signal` aborts. */
export async function write(store: Store, writer: number, tally: Tally, signal: AbortSignal): Promise<void> {
  for (let round = 0; !signal.aborted; round++) {
    await pause(PAUSE_MS)
    const key = `s/${round % 5}`
    const value = `${writer}.${round}`
    try {
      const before = round % 2 ? ((await store.get(key))?.revision ?? 0) : undefined
      const transaction = [put(key, value, before), put(`made/${writer}/${round}`, value, 0)]
      const begunMs = performance.now()
      try {
        const [result] = await store.commit([transaction])
        if (result!.kind === 'committed') tally.committed.push({ revision: result!.revision, transaction })
        else tally.conflicts++
      } catch (error) {
        assert.ok(isNsctlError(error, 'Unreachable'), String(error))
        tally.unknown.push(transaction)
      }
      tally.slowestMs = Math.max(tally.slowestMs, performance.now() - begunMs)
    } catch (error) {
      // a read while nobody leads
      assert.ok(isNsctlError(error, 'Unreachable'), String(error))
    }
  }
}

/** Of those whose fate was not told, the ones that happened: each has a key that nobody else writes. */
export async function recover(store: Store, tally: Tally): Promise<void> {
  const made = new Map((await store.list(['made/'])).entries.map((entry) => [entry.key, entry]))
  for (const transaction of tally.unknown) {
    const entry = made.get(transaction[1]!.key)
    if (entry !== undefined) tally.committed.push({ revision: entry.revision, transaction })
  }
}
