/** The nodes that will do for a batch, as far as what runs there does not matter, with what they are chosen by. */
import type { Books } from './books.ts'
import type { FitNode, FitNodes } from './fit.ts'
import type { Batch } from './placement.ts'

export interface Candidate extends FitNode {
  /** Instances of the same service and template there; all nodes of a zone share it. */
  readonly zone: { count: number }
  /** Decides between equals. */
  readonly tie: number
  /** Instances of the same service and template there. */
  own: number
  /** Instances of the same service there. */
  all: number
}

export function candidatesOf(books: Books, fit: FitNodes, batch: Batch, seed: number): readonly Candidate[] {
  const { service, hash } = batch
  const crews = books.crews(service)
  const zones: { count: number }[] = []
  const candidates: Candidate[] = []
  for (const { book, view, annoyance, appeal } of fit.nodes) {
    const crew = crews?.get(book)
    zones[book.zone] ??= { count: 0 }
    const zone = zones[book.zone] as { count: number }
    const own = crew?.byHash.get(hash) ?? 0
    const all = crew?.all ?? 0
    candidates.push({ book, view, zone, annoyance, appeal, tie: book.tie ^ seed, own, all })
  }
  if (crews !== undefined) countZones(zones, crews, hash)
  return candidates
}

/** What runs on nodes that take nothing more counts to their zone as well; what is on a lost one does not run. */
function countZones(
  zones: readonly ({ count: number } | undefined)[],
  crews: NonNullable<ReturnType<Books['crews']>>,
  hash: string,
): void {
  for (const [{ view, zone }, { byHash }] of crews) {
    const tally = zones[zone]
    if (view?.ready === true && tally !== undefined) tally.count += byHash.get(hash) ?? 0
  }
}

/** What part of the node is asked for, from 0; 0 where it is not known what it has. */
export function fullnessOf({ book, view }: Candidate): number {
  return (partOf(book.cpuMillis, view.cpuMillis) + partOf(book.memoryBytes, view.memoryBytes)) / 2
}

function partOf(used: number, all: number): number {
  return all > 0 ? used / all : 0
}
