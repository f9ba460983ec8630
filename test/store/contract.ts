/**
 * The contract of src/store/store.ts as tests, for every adapter. Neutral: nothing here knows how a store keeps things.
 * A case is a value, so that contract-self.test.ts can hold it against stores with planted faults.
 */
import { test } from 'uvu'
import type { Store } from '../../src/store/store.ts'
import { commitCases } from './contract-commit.ts'
import { readCases } from './contract-read.ts'
import { watchCases } from './contract-watch.ts'
import { writerCases } from './contract-writers.ts'

/** A store that is empty, and what belongs to it. */
export interface OpenedStore {
  readonly store: Store
  /** The same contents through another connection, as another process would have. Absent where nothing is kept. */
  readonly reopen?: () => Promise<Store>
  /** How far back a watch can start, where a test can reach it: open it with a few hundred. */
  readonly historyRevisions?: number
  /** Removes what `open` made; closes nothing but that. */
  cleanup(): Promise<void>
}

export interface ContractCase {
  readonly name: string
  /** The case needs this of `open`; it is left out where it is missing. */
  readonly needs?: 'reopen' | 'historyRevisions'
  run(opened: OpenedStore): Promise<void>
}

export const CONTRACT: readonly ContractCase[] = [...readCases, ...commitCases, ...watchCases, ...writerCases]

/** Registers the whole contract with uvu for one adapter; the file must call `test.run()`. */
export function storeContract(name: string, open: () => Promise<OpenedStore>): void {
  for (const one of CONTRACT) {
    test(`${name}: ${one.name}`, async () => {
      const opened = await open()
      try {
        if (one.needs === undefined || opened[one.needs] !== undefined) await one.run(opened)
      } finally {
        await opened.store.close()
        await opened.cleanup()
      }
    })
  }
}
