/** What a group of transactions comes to, decided on values alone: adapters that apply it themselves share this. */
import { NsctlError } from '../core/errors.ts'
import type { CommitResult, Operation, Transaction } from './store.ts'

/** Largest value that a store takes, in bytes of UTF-8. The api's own limit for one object is far below. */
export const MAX_VALUE_BYTES = 1024 * 1024
export const MAX_KEY_BYTES = 1024

/** A key's state: what it holds and since which revision. */
export interface Stored {
  readonly value: string
  readonly revision: number
}

/** What one effective transaction changed. */
export interface LoggedChange {
  readonly revision: number
  readonly puts: readonly string[]
  readonly deletes: readonly string[]
}

export interface CommitPlan {
  readonly results: readonly CommitResult[]
  /** The store's revision afterwards; as before where nothing changes. */
  readonly revision: number
  /** The last state of every key that is touched; undefined where it is deleted. */
  readonly writes: ReadonlyMap<string, Stored | undefined>
  /** One per effective transaction, in order. */
  readonly log: readonly LoggedChange[]
}

/**
 * Runs `transactions` in order over the state that `read` gives (asked once per key), starting at `revision`. Each is
 * checked as a whole before any of its operations counts, and sees what those before it did. Pure but for `read`.
 */
export function planCommit(
  transactions: readonly Transaction[],
  revision: number,
  read: (key: string) => Stored | undefined,
): CommitPlan {
  const known = new Map<string, Stored | undefined>()
  const writes = new Map<string, Stored | undefined>()
  const log: LoggedChange[] = []
  const lookUp = (key: string): Stored | undefined => {
    const found = known.get(key)
    if (found !== undefined || known.has(key)) return found
    const stored = read(key)
    known.set(key, stored)
    return stored
  }
  let current = revision
  const results = transactions.map((transaction): CommitResult => {
    const conflict = findConflict(transaction, lookUp)
    if (conflict !== undefined) return conflict
    const puts: string[] = []
    const deletes: string[] = []
    for (let at = 0; at < transaction.length; at++) {
      const operation = transaction[at]!
      if (!isEffective(operation, lookUp)) continue
      const put = operation.kind === 'put'
      const state = put ? { value: operation.value, revision: current + 1 } : undefined
      known.set(operation.key, state)
      writes.set(operation.key, state)
      ;(put ? puts : deletes).push(operation.key)
    }
    if (puts.length + deletes.length > 0) log.push({ revision: ++current, puts, deletes })
    return { kind: 'committed', revision: current }
  })
  return { results, revision: current, writes, log }
}

type LookUp = (key: string) => Stored | undefined

function findConflict(transaction: Transaction, lookUp: LookUp): CommitResult | undefined {
  for (let at = 0; at < transaction.length; at++) {
    const { key, expect } = transaction[at]!
    if (expect === undefined) continue
    const actual = lookUp(key)?.revision ?? 0
    if (actual !== expect) return { kind: 'conflict', key, actual }
  }
  return undefined
}

function isEffective(operation: Operation, lookUp: LookUp): boolean {
  if (operation.kind === 'check') return false
  const stored = lookUp(operation.key)
  return operation.kind === 'put' ? stored?.value !== operation.value : stored !== undefined
}

/**
 * Refuses what no store can keep, before anything is written: a bad or doubled key is a Bug of the caller, a value that
 * is too large is TooLarge.
 */
export function validateTransactions(transactions: readonly Transaction[]): void {
  for (const transaction of transactions) {
    const written = new Set<string>()
    for (let at = 0; at < transaction.length; at++) {
      const operation = transaction[at]!
      validateKey(operation.key)
      if (operation.kind === 'check') continue
      if (written.has(operation.key)) throw wrongKey('written twice in one transaction', operation.key)
      written.add(operation.key)
      if (operation.kind === 'put') validateValue(operation.key, operation.value)
    }
  }
}

function validateKey(key: string): void {
  if (key === '') throw wrongKey('empty', key)
  if (key.includes('\0') || !key.isWellFormed()) throw wrongKey('not Unicode text', key)
  if (key.length * 3 > MAX_KEY_BYTES && Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw new NsctlError(
      'TooLarge',
      `a key of ${Buffer.byteLength(key)} bytes; at most ${MAX_KEY_BYTES} fit`,
      {
        value: `${key.slice(0, 80)}…`,
        next: 'choose shorter names',
      },
    )
  }
}

function validateValue(key: string, value: string): void {
  if (!value.isWellFormed()) {
    throw new NsctlError('Bug', `the value of ${key} is not Unicode text (a lone surrogate)`, { value: key })
  }
  // a UTF-16 unit is at most three bytes of UTF-8: most values need no counting
  if (value.length * 3 <= MAX_VALUE_BYTES) return
  const bytes = Buffer.byteLength(value)
  if (bytes <= MAX_VALUE_BYTES) return
  throw new NsctlError(
    'TooLarge',
    `${key} holds ${bytes} bytes; at most ${MAX_VALUE_BYTES} fit in the store`,
    {
      value: key,
      next: 'make the object smaller, or split it',
    },
  )
}

function wrongKey(what: string, key: string): NsctlError {
  return new NsctlError('Bug', `a store key is ${what}: ${JSON.stringify(key)}`, { value: key })
}
