/**
 * Judges a set that only grows, one key per element under a prefix, read by listing the prefix.
 *
 * Such a history is linearizable exactly if the readings contain one another, a reading holds what an earlier one held and
 * what had been added before it began, holds nothing that was added after it ended, and does not hold one element without
 * another that had been added before that one was tried. (Any cycle of "before" leads over at most one step of real time,
 * because intervals are ordered so, and the rest of it comes down to these; the tests hold it against the search.)
 */
import { type Fault, FINAL, type Recorded } from './operations.ts'

interface Reading {
  readonly beginMs: number
  readonly endMs: number
  readonly revision: number
  readonly elements: ReadonlyMap<string, number>
  readonly what: string
  readonly isFinal: boolean
}

interface Element {
  readonly name: string
  readonly refused: boolean
  readonly beginMs: number
  /** Infinity where it is not known to have been added. */
  readonly endMs: number
  /** Where it was acknowledged. */
  readonly revision: number | undefined
}

/** What is wrong; `operations` are the listings of `prefix` and the writes below it. */
export function judgeSet(prefix: string, operations: readonly Recorded[]): readonly Fault[] {
  const faults: Fault[] = []
  const fault = (kind: Fault['kind'], what: string) => faults.push({ kind, what: `${prefix}: ${what}` })
  const elements = elementsOf(operations)
  const readings = readingsOf(operations)
  judgeTimes(readings, elements, fault)
  judgeRevisions(readings, elements, fault)
  return faults
}

/** Whether it is linearizable, whatever the revisions say. */
export function isLinearizableSet(operations: readonly Recorded[]): boolean {
  let isSound = true
  judgeTimes(readingsOf(operations), elementsOf(operations), () => {
    isSound = false
  })
  return isSound
}

function judgeTimes(
  readings: readonly Reading[],
  elements: ReadonlyMap<string, Element>,
  fault: Report,
): void {
  for (const reading of readings) {
    judgeInvented(reading, elements, fault)
    judgeMissing(reading, elements, fault)
  }
  judgeAmongReadings(readings, fault)
}

type Report = (kind: Fault['kind'], what: string) => void

function elementsOf(operations: readonly Recorded[]): ReadonlyMap<string, Element> {
  const elements = new Map<string, Element>()
  for (const { call, outcome, beginMs, endMs } of operations) {
    if (call.kind !== 'write') continue
    const revision = outcome.kind === 'ok' ? outcome.revision : undefined
    const name = call.key
    elements.set(name, {
      ...{ name, beginMs, revision, refused: outcome.kind === 'refused' },
      endMs: revision === undefined ? Number.POSITIVE_INFINITY : endMs,
    })
  }
  return elements
}

function readingsOf(operations: readonly Recorded[]): readonly Reading[] {
  return operations.flatMap(({ process, call, outcome, beginMs, endMs }) => {
    if (call.kind !== 'list' || outcome.kind !== 'listed') return []
    const { revision } = outcome
    const elements = new Map(Object.entries(outcome.elements))
    const what = `${process} listed ${elements.size} at ${revision}`
    return [{ beginMs, endMs, revision, elements, what, isFinal: process === FINAL }]
  })
}

function judgeInvented(reading: Reading, elements: ReadonlyMap<string, Element>, fault: Report): void {
  for (const name of reading.elements.keys()) {
    const element = elements.get(name)
    if (element === undefined) fault('invented', `${reading.what} with ${name}, which nobody added`)
    else if (element.refused) fault('invented', `${reading.what} with ${name}, which was refused`)
    else if (reading.endMs < element.beginMs)
      fault('invented', `${reading.what} with ${name}, which nobody had added yet`)
  }
}

/** One fault at most: a reading that lacks ten is one that is stale. */
function judgeMissing(reading: Reading, elements: ReadonlyMap<string, Element>, fault: Report): void {
  const missing = [...elements.values()].filter(({ name }) => !reading.elements.has(name))
  if (reading.isFinal) {
    for (const { name, endMs } of missing)
      if (endMs < reading.beginMs) fault('lost', `${name} was added and is not there in the end`)
    return
  }
  const first = missing.reduce((least, { endMs }) => Math.min(least, endMs), Number.POSITIVE_INFINITY)
  if (first < reading.beginMs) {
    fault('stale', `${reading.what} without one that had been added ${reading.beginMs - first} ms before`)
    return
  }
  const early = [...reading.elements.keys()].find((name) => first < (elements.get(name)?.beginMs ?? 0))
  if (early !== undefined)
    fault('order', `${reading.what} with ${early} but without one that was added before it`)
}

/** An element has one revision, and a listing holds what is not newer than itself. */
function judgeRevisions(
  readings: readonly Reading[],
  elements: ReadonlyMap<string, Element>,
  fault: Report,
): void {
  const known = new Map<string, number>()
  for (const { name, revision } of elements.values()) if (revision !== undefined) known.set(name, revision)
  for (const { elements: held, revision, what } of readings) {
    for (const [name, at] of held) {
      if ((known.get(name) ?? at) !== at)
        fault('invented', `${what} with ${name} at ${at}, but it was added at ${known.get(name)}`)
      if (at > revision) fault('order', `${what} with ${name}, which is of revision ${at}`)
      known.set(name, at)
    }
  }
  for (const { elements: held, revision, what } of readings) {
    for (const [name, at] of known)
      if (at <= revision && !held.has(name))
        fault('stale', `${what} without ${name}, which is of revision ${at}`)
  }
}

/** Each contains all smaller ones, and no later one is smaller. */
function judgeAmongReadings(readings: readonly Reading[], fault: Report): void {
  const bySize = [...readings].sort((a, b) => a.elements.size - b.elements.size)
  for (const [i, larger] of bySize.entries()) {
    const smaller = bySize[i - 1]
    if (smaller !== undefined && [...smaller.elements.keys()].some((name) => !larger.elements.has(name)))
      fault('order', `${larger.what} without all of what ${smaller.what} held`)
  }
  const byEnd = [...readings].sort((a, b) => a.endMs - b.endMs)
  let largest = 0
  let at = 0
  for (const reading of [...readings].sort((a, b) => a.beginMs - b.beginMs)) {
    for (; at < byEnd.length && byEnd[at]!.endMs < reading.beginMs; at++)
      largest = Math.max(largest, byEnd[at]!.elements.size)
    if (reading.elements.size < largest) fault('stale', `${reading.what} after another had listed ${largest}`)
  }
}
