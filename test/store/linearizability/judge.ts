/** Judges a whole history: each register, set and lease by itself, and the store's revisions over all of them. */
import { judgeLease } from './leases.ts'
import type { Fault, Recorded } from './operations.ts'
import { judgeRegister } from './register.ts'
import { judgeSet } from './set.ts'

export interface Judgement {
  readonly operations: number
  readonly ok: number
  /** Certainly not happened, conflicts and reads that told nothing. */
  readonly failed: number
  readonly conflicts: number
  readonly unknown: number
  readonly holds: number
  readonly faults: readonly Fault[]
}

/** Keys of sets: `set/3/` holds the elements. */
export const SET = /^set\/[^/]+\//

export function judge(history: readonly Recorded[]): Judgement {
  const registers = partition(history, ({ call }) =>
    (call.kind === 'read' || call.kind === 'write') && !SET.test(call.key) ? call.key : undefined,
  )
  const sets = partition(history, ({ call }) => {
    if (call.kind === 'list') return call.prefix
    return call.kind === 'write' ? SET.exec(call.key)?.[0] : undefined
  })
  const leases = partition(history, ({ call }) => {
    if (call.kind === 'hold') return call.name
    return call.kind === 'write' ? call.under?.name : undefined
  })
  const faults = [
    ...[...registers].flatMap(([key, operations]) => judgeRegister(key, operations)),
    ...[...sets].flatMap(([prefix, operations]) => judgeSet(prefix, operations)),
    ...[...leases].flatMap(([name, operations]) => judgeLease(name, operations)),
    ...judgeRevisions(history),
  ]
  return { ...figuresOf(history), faults }
}

function figuresOf(history: readonly Recorded[]): Omit<Judgement, 'faults'> {
  const asked = history.filter(({ call }) => call.kind !== 'hold')
  const count = (matches: (one: Recorded) => boolean) => asked.filter(matches).length
  const conflicts = count(({ outcome }) => outcome.kind === 'refused')
  const silent = count(({ call, outcome }) => call.kind !== 'write' && outcome.kind === 'unknown')
  return {
    operations: asked.length,
    ok: count(({ outcome }) => outcome.kind === 'ok' || outcome.kind === 'listed'),
    failed: conflicts + silent,
    conflicts,
    unknown: count(({ call, outcome }) => call.kind === 'write' && outcome.kind === 'unknown'),
    holds: history.length - asked.length,
  }
}

/** The store has one revision, and it grows: who begins after another's write has ended writes at a later one. */
function judgeRevisions(history: readonly Recorded[]): readonly Fault[] {
  const commits = history.flatMap(({ call, outcome, beginMs, endMs }) => {
    if (call.kind === 'hold') return [{ revision: call.revision, beginMs: call.askedMs, endMs: beginMs }]
    return call.kind === 'write' && outcome.kind === 'ok'
      ? [{ revision: outcome.revision, beginMs, endMs }]
      : []
  })
  const byEnd = [...commits].sort((a, b) => a.endMs - b.endMs)
  const faults: Fault[] = []
  let newest = 0
  let at = 0
  for (const { revision, beginMs } of [...commits].sort((a, b) => a.beginMs - b.beginMs)) {
    for (; at < byEnd.length && byEnd[at]!.endMs < beginMs; at++)
      newest = Math.max(newest, byEnd[at]!.revision)
    if (revision <= newest)
      faults.push({ kind: 'order', what: `revision ${revision} was given out after ${newest} had been` })
  }
  return faults
}

function partition(
  history: readonly Recorded[],
  partOf: (one: Recorded) => string | undefined,
): ReadonlyMap<string, readonly Recorded[]> {
  const parts = new Map<string, Recorded[]>()
  for (const one of history) {
    const part = partOf(one)
    if (part === undefined) continue
    const operations = parts.get(part)
    if (operations === undefined) parts.set(part, [one])
    else operations.push(one)
  }
  return parts
}
