/**
 * Judges what was done to one key: a register that is read, written and compared-and-set. The revisions that the store gave
 * out say in which order writes happened; what is left to find out is whether that order fits when they happened.
 */
import { linearize, type Model } from './linearize.ts'
import { type Fault, FINAL, type Recorded } from './operations.ts'

/** A write that happened, by an acknowledgement or because it was read. */
interface Happened {
  readonly revision: number
  readonly value: string | undefined
  readonly expect: number | undefined
  readonly beginMs: number
  readonly endMs: number
}

/** What was seen of the key at one moment between the two. */
interface Sighting {
  readonly revision: number
  readonly beginMs: number
  readonly endMs: number
  readonly what: string
}

/** What is wrong with the operations of one key, all of them reads and writes of it; empty where all is well. */
export function judgeRegister(key: string, operations: readonly Recorded[]): readonly Fault[] {
  const faults: Fault[] = []
  const fault = (kind: Fault['kind'], what: string) => faults.push({ kind, what: `${key}: ${what}` })
  const writes = writesThatHappened(operations, fault)
  const sightings = sightingsIn(operations, writes, fault)
  judgeExpectations(writes, fault)
  judgeAges(writes, sightings, fault)
  judgeEnd(operations, writes, fault)
  if (faults.length > 0) return faults
  const verdict = linearize(chain(writes), [
    ...writes.map((write) => ({ ...write, writes: true })),
    ...sightings.map((sighting) => ({ ...sighting, writes: false })),
  ])
  if (verdict === 'impossible')
    fault('order', `no order of its ${operations.length} operations explains them`)
  if (verdict === 'undecided') fault('undecided', `${operations.length} operations were too many to judge`)
  return faults
}

type Report = (kind: Fault['kind'], what: string) => void

/** In order of revision. Those of unknown outcome that nobody saw are left out: whether they happened shows nowhere. */
function writesThatHappened(operations: readonly Recorded[], fault: Report): readonly Happened[] {
  const byRevision = new Map<number, Happened>()
  const seenAt = revisionsOfValues(operations)
  for (const { call, outcome, beginMs, endMs } of operations) {
    if (call.kind !== 'write') continue
    const { value, expect } = call
    const seen = seenAt.get(value) ?? new Set()
    if (outcome.kind === 'refused') {
      if (seen.size > 0) fault('invented', `${value} was read though it was refused`)
      continue
    }
    const revisions = outcome.kind === 'ok' ? new Set([outcome.revision, ...seen]) : seen
    if (revisions.size > 1)
      fault('invented', `${value} was there at more than one revision: ${[...revisions]}`)
    for (const revision of revisions) {
      const other = byRevision.get(revision)
      if (other !== undefined) fault('lost', `${other.value} and ${value} are both revision ${revision}`)
      byRevision.set(revision, { revision, value, expect, beginMs, endMs })
    }
  }
  addUnseen(operations, byRevision)
  return [...byRevision.values()].sort((a, b) => a.revision - b.revision)
}

/**
 * What was expected, or found instead, is a revision and no value: it may be that of any write whose outcome is unknown and
 * whose value nobody saw.
 */
function addUnseen(operations: readonly Recorded[], byRevision: Map<number, Happened>): void {
  const seen = new Set([...byRevision.values()].map(({ value }) => value))
  const unseen = operations.filter(
    ({ call, outcome }) => call.kind === 'write' && outcome.kind === 'unknown' && !seen.has(call.value),
  )
  const beginMs = unseen.reduce((first, one) => Math.min(first, one.beginMs), Number.POSITIVE_INFINITY)
  const expected = [...byRevision.values()].map(({ expect }) => expect)
  const found = operations.map(({ outcome }) => (outcome.kind === 'refused' ? outcome.actual : undefined))
  let left = unseen.length
  for (const revision of new Set([...expected, ...found])) {
    if (revision === undefined || revision === 0 || byRevision.has(revision) || left === 0) continue
    left--
    byRevision.set(revision, {
      ...{ revision, value: undefined, expect: undefined },
      ...{ beginMs, endMs: Number.POSITIVE_INFINITY },
    })
  }
}

function revisionsOfValues(operations: readonly Recorded[]): ReadonlyMap<string, ReadonlySet<number>> {
  const seenAt = new Map<string, Set<number>>()
  for (const { call, outcome } of operations) {
    if (call.kind !== 'read' || outcome.kind !== 'ok' || outcome.value === undefined) continue
    const revisions = seenAt.get(outcome.value) ?? new Set()
    seenAt.set(outcome.value, revisions.add(outcome.revision))
  }
  return seenAt
}

function sightingsIn(
  operations: readonly Recorded[],
  writes: readonly Happened[],
  fault: Report,
): readonly Sighting[] {
  const byRevision = new Map(writes.map((write) => [write.revision, write]))
  const sightings: Sighting[] = []
  for (const { process, call, outcome, beginMs, endMs } of operations) {
    if (call.kind === 'read' && outcome.kind === 'ok') {
      const { revision, value } = outcome
      const what = `${process} read ${value ?? 'nothing'} at ${revision}`
      const write = byRevision.get(revision)
      if (revision !== 0 && (write === undefined || write.value !== value))
        fault('invented', `${what}, which nobody wrote`)
      else if (write !== undefined && endMs < write.beginMs)
        fault('invented', `${what}, which nobody had written yet`)
      sightings.push({ revision, beginMs, endMs, what })
    } else if (call.kind === 'write' && outcome.kind === 'refused' && outcome.actual !== undefined) {
      const { actual } = outcome
      const what = `${process} was refused ${call.value}: the key is at ${actual}, not ${call.expect}`
      if (call.expect === undefined || actual === call.expect) fault('order', what)
      if (actual !== 0 && !byRevision.has(actual)) fault('invented', `${what}, which nobody wrote`)
      sightings.push({ revision: actual, beginMs, endMs, what })
    }
  }
  return sightings
}

/** A compare-and-set must follow at once upon what it expected. */
function judgeExpectations(writes: readonly Happened[], fault: Report): void {
  let before = 0
  for (const { revision, value, expect } of writes) {
    if (expect !== undefined && expect !== before)
      fault('lost', `${value} at ${revision} expected ${expect} and went over ${before}`)
    before = revision
  }
}

/** Whoever begins after another has ended sees nothing older, and writes nothing older. */
function judgeAges(writes: readonly Happened[], sightings: readonly Sighting[], fault: Report): void {
  const known = [...writes, ...sightings].sort((a, b) => a.endMs - b.endMs)
  const later = [
    ...writes.map((write) => ({ ...write, what: `${write.value} was written`, writes: true })),
    ...sightings.map((sighting) => ({ ...sighting, writes: false })),
  ].sort((a, b) => a.beginMs - b.beginMs)
  let newest = 0
  let at = 0
  for (const { beginMs, revision, what, writes: isWrite } of later) {
    for (; at < known.length && known[at]!.endMs < beginMs; at++)
      newest = Math.max(newest, known[at]!.revision)
    if (revision < newest)
      fault(isWrite ? 'order' : 'stale', `${what}, revision ${revision}, after ${newest}`)
  }
}

function judgeEnd(operations: readonly Recorded[], writes: readonly Happened[], fault: Report): void {
  for (const { process, outcome, call } of operations) {
    if (process !== FINAL || call.kind !== 'read' || outcome.kind !== 'ok') continue
    for (const write of writes)
      if (write.revision > outcome.revision)
        fault('lost', `${write.value} at ${write.revision}: in the end there is ${outcome.revision}`)
  }
}

/** The register by its revisions alone: each write follows upon that of the next smaller one. */
function chain(
  writes: readonly Happened[],
): Model<
  number,
  { readonly revision: number; readonly writes: boolean } & Pick<Sighting, 'beginMs' | 'endMs'>
> {
  const before = new Map(writes.map(({ revision }, i) => [revision, writes[i - 1]?.revision ?? 0]))
  return {
    initial: 0,
    step(state, operation) {
      if (operation.writes) return before.get(operation.revision) === state ? operation.revision : undefined
      return operation.revision === state ? state : undefined
    },
    keyOf: String,
  }
}
