/**
 * Judges what a watch reported against what writers know they committed: nothing lost, invented, reordered or doubled.
 * Writers must make every change distinct (each value once, deletes only of what is there), so that each report can be
 * told from every other.
 */
import type { Change, Entry, Transaction, WatchBatch } from '../../src/store/store.ts'

/** A transaction that was acknowledged, with its revision. All effective. */
export interface Committed {
  readonly revision: number
  readonly transaction: Transaction
}

/** What is wrong, one sentence each; empty where all is well. `batches` come from a watch that began at `from`. */
export function judgeWatch(
  committed: readonly Committed[],
  batches: readonly WatchBatch[],
  from: number,
  final: readonly Entry[],
  covers: (key: string) => boolean = () => true,
): readonly string[] {
  const faults: string[] = []
  const expected = changesByRevision(committed, faults)
  const made = madeAt(committed)
  const latest = new Map<string, Change>()
  let reached = from
  for (const batch of batches) {
    if (batch.kind === 'relist') {
      faults.push(`started over at revision ${batch.revision} though nothing was too old`)
      continue
    }
    let within = reached
    for (const change of batch.changes) {
      if (change.revision < within) faults.push(`${name(change)} came after revision ${within}`)
      if (change.revision <= reached)
        faults.push(`${name(change)} came in a batch after ${reached} was complete`)
      if (change.revision > batch.revision)
        faults.push(`${name(change)} lies beyond its batch (${batch.revision})`)
      if (!covers(change.key)) faults.push(`${name(change)} is not under the prefixes watched`)
      if (!isExpected(expected.get(change.revision)?.get(change.key), change))
        faults.push(`${name(change)} did not happen`)
      if (change.kind === 'put' && change.isNew && made.get(change.key)?.has(change.revision) === false)
        faults.push(`${name(change)} is said to be new, and was there`)
      within = Math.max(within, change.revision)
      latest.set(change.key, change)
    }
    if (batch.revision < reached)
      faults.push(`a batch went back from revision ${reached} to ${batch.revision}`)
    reached = Math.max(reached, batch.revision)
  }
  return [
    ...faults,
    ...judgeEnd(
      latest,
      final.filter((entry) => covers(entry.key)),
      from,
    ),
  ]
}

/** What is wrong with the final listing, judged by the commits alone. `before` is what was there when they began. */
export function judgeState(
  committed: readonly Committed[],
  before: readonly Entry[],
  final: readonly Entry[],
): readonly string[] {
  const faults: string[] = []
  const state = new Map(before.map((entry) => [entry.key, entry]))
  for (const { revision, transaction } of [...committed].sort((a, b) => a.revision - b.revision)) {
    for (const operation of transaction) {
      if (operation.kind === 'check') continue
      const at = state.get(operation.key)?.revision ?? 0
      if (operation.expect !== undefined && operation.expect !== at)
        faults.push(
          `revision ${revision} was let through: ${operation.key} was at ${at}, not ${operation.expect}`,
        )
      if (operation.kind === 'put')
        state.set(operation.key, { key: operation.key, value: operation.value, revision })
      else state.delete(operation.key)
    }
  }
  for (const entry of final) {
    const want = state.get(entry.key)
    if (want?.value !== entry.value || want.revision !== entry.revision)
      faults.push(
        `${entry.key}@${entry.revision} is listed; the commits end with ${want?.revision ?? 'nothing'}`,
      )
    state.delete(entry.key)
  }
  for (const key of state.keys()) faults.push(`${key} is lost`)
  return faults
}

/** What a transaction made of a key; no value where it deleted it. */
interface Written {
  readonly value: string | undefined
}

function changesByRevision(
  committed: readonly Committed[],
  faults: string[],
): ReadonlyMap<number, ReadonlyMap<string, Written>> {
  const byRevision = new Map<number, Map<string, Written>>()
  for (const { revision, transaction } of committed) {
    const changes = byRevision.get(revision) ?? new Map<string, Written>()
    byRevision.set(revision, changes)
    for (const operation of transaction) {
      if (operation.kind === 'check') continue
      if (changes.has(operation.key))
        faults.push(`two transactions share revision ${revision} and write ${operation.key}`)
      changes.set(operation.key, { value: operation.kind === 'put' ? operation.value : undefined })
    }
  }
  return byRevision
}

/** The revisions at which each key was written that had not been there, as far as the commits tell. */
function madeAt(committed: readonly Committed[]): ReadonlyMap<string, ReadonlySet<number>> {
  const made = new Map<string, Set<number>>()
  const there = new Set<string>()
  for (const { revision, transaction } of [...committed].sort((a, b) => a.revision - b.revision)) {
    for (const { kind, key } of transaction) {
      if (kind === 'check') continue
      const revisions = made.get(key) ?? new Set()
      made.set(key, revisions)
      if (kind === 'delete') there.delete(key)
      else if (!there.has(key)) {
        there.add(key)
        revisions.add(revision)
      }
    }
  }
  return made
}

function isExpected(written: Written | undefined, change: Change): boolean {
  return written !== undefined && written.value === (change.kind === 'put' ? change.value : undefined)
}

/** Replaying what was reported must give the final state, as far as it changed after `from`. */
function judgeEnd(latest: ReadonlyMap<string, Change>, final: readonly Entry[], from: number): string[] {
  const faults: string[] = []
  const there = new Set<string>()
  for (const entry of final) {
    there.add(entry.key)
    if (entry.revision <= from) continue
    const change = latest.get(entry.key)
    if (change?.kind !== 'put' || change.revision !== entry.revision || change.value !== entry.value)
      faults.push(`${entry.key}@${entry.revision} was not reported; last was ${change && name(change)}`)
  }
  for (const change of latest.values()) {
    if (change.kind === 'put' && !there.has(change.key))
      faults.push(`the end of ${change.key} was not reported`)
  }
  return faults
}

function name(change: Change): string {
  return `${change.kind} ${change.key}@${change.revision}`
}
