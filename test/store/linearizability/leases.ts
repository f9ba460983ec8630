/**
 * Judges leases by what src/store/held-lease.ts promises: two holders never overlap, but for as long as the earlier one's
 * process stood still as a whole; epochs grow with every acquisition; and the fence lets no late write through.
 */
import type { Fault, Recorded } from './operations.ts'

/** Between the moment that a holder is told and the moment that it writes down that it was. */
const CLOCK_MS = 1

interface Hold {
  readonly process: string
  readonly epoch: number
  readonly revision: number
  readonly beginMs: number
  readonly endMs: number
  readonly stalledMs: number
}

/** What is wrong with one lease: `operations` are its holds and the writes under it. */
export function judgeLease(name: string, operations: readonly Recorded[]): readonly Fault[] {
  const faults: Fault[] = []
  const fault = (what: string) => faults.push({ kind: 'lease', what: `the lease ${name}: ${what}` })
  const holds = holdsOf(operations)
  const byRevision = [...holds].sort((a, b) => a.revision - b.revision)
  for (const [i, hold] of byRevision.entries()) {
    const before = byRevision[i - 1]
    if (before !== undefined && hold.epoch <= before.epoch)
      fault(`${hold.process} took it at ${hold.revision} in epoch ${hold.epoch}, after ${before.epoch}`)
  }
  judgeOverlaps(holds, fault)
  judgeFence(operations, fault)
  return faults
}

function holdsOf(operations: readonly Recorded[]): readonly Hold[] {
  return operations.flatMap(({ process, call, outcome, beginMs, endMs }) => {
    if (call.kind !== 'hold') return []
    const { epoch, revision } = call
    const stalledMs = outcome.kind === 'over' ? outcome.stalledMs : 0
    return [{ process, epoch, revision, beginMs, endMs, stalledMs }]
  })
}

function judgeOverlaps(holds: readonly Hold[], fault: (what: string) => void): void {
  // by when they were had: where two share an epoch, that says who was first
  const sorted = [...holds].sort((a, b) => a.epoch - b.epoch || a.beginMs - b.beginMs)
  for (const [i, hold] of sorted.entries()) {
    for (const next of sorted.slice(i + 1)) {
      const overlapMs = Math.min(hold.endMs, next.endMs) - Math.max(hold.beginMs, next.beginMs)
      if (overlapMs > hold.stalledMs + CLOCK_MS)
        fault(
          `${hold.process} (epoch ${hold.epoch}) and ${next.process} (${next.epoch}) held it for ${overlapMs} ms ` +
            `at once; the first stood still for at most ${hold.stalledMs} ms`,
        )
    }
  }
}

/** What went through under an epoch comes before all that went through under a later one. */
function judgeFence(operations: readonly Recorded[], fault: (what: string) => void): void {
  const writes = operations.flatMap(({ process, call, outcome }) =>
    call.kind === 'write' && call.under !== undefined && outcome.kind === 'ok'
      ? [{ process, epoch: call.under.epoch, revision: outcome.revision }]
      : [],
  )
  const acquired = operations.flatMap(({ process, call }) =>
    call.kind === 'hold' ? [{ process, epoch: call.epoch, revision: call.revision }] : [],
  )
  let newest = 0
  for (const { process, epoch, revision } of [...writes, ...acquired].sort(
    (a, b) => a.revision - b.revision,
  )) {
    if (epoch < newest) fault(`${process} wrote at ${revision} in epoch ${epoch}, after ${newest}`)
    newest = Math.max(newest, epoch)
  }
}
