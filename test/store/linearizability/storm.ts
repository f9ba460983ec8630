/** Many clients at once, in this process, while something goes wrong; then what everything came to, read once more. */
import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import type { Store } from '../../../src/store/store.ts'
import { randomOf } from '../random.ts'
import { listOutcome, readOutcome, runClient } from './client.ts'
import { type Judgement, SET } from './judge.ts'
import { runLeaseClient } from './lease-client.ts'
import { type Event, FINAL, operationsOf, type Recorded } from './operations.ts'
import { Recorder } from './recorder.ts'

export interface StormOptions {
  /** Each client goes through one of these, in turn. */
  readonly stores: readonly Store[]
  readonly clients: number
  readonly seed: number
  readonly pauseMs: number
  readonly periodMs: number
  readonly ttlMs: number
  readonly holdMs: number
  /** Does harm, and undoes it, for as long as the storm is to last. */
  readonly harm: () => Promise<void>
}

/** The history of all clients and of the last reading. */
export async function storm(options: StormOptions): Promise<readonly Recorded[]> {
  const { stores, seed, harm } = options
  const clock = systemClock
  const enough = new AbortController()
  const startedMs = clock.monotonic()
  const histories: { readonly process: string; readonly events: Event[] }[] = []
  const begin = (process: string, at: number) => {
    const events: Event[] = []
    histories.push({ process, events })
    const sink = (event: Event) => void events.push(event)
    const store = stores[at % stores.length]!
    return { ...options, process, sink, store, clock, startedMs, signal: enough.signal }
  }
  const running = Array.from({ length: options.clients }, (_, i) => [
    runClient({ ...begin(`c${i}`, i), random: randomOf(seed + 2 * i) }),
    runLeaseClient({ ...begin(`l${i}`, i), random: randomOf(seed + 2 * i + 1) }),
  ]).flat()
  // one that throws ends the storm
  await Promise.race([harm(), Promise.all(running)]).finally(() => enough.abort())
  await Promise.all(running)
  const history = histories.flatMap(({ process, events }) => operationsOf(process, events))
  return [...history, ...(await readAll(stores[0]!, history))]
}

/** Reads everything that the history touched; the store must answer by now, or soon. */
export async function readAll(store: Store, history: readonly Recorded[]): Promise<readonly Recorded[]> {
  const keys = new Set<string>()
  const prefixes = new Set<string>()
  for (const { call } of history) {
    if (call.kind === 'list') prefixes.add(call.prefix)
    else if (call.kind === 'read') keys.add(call.key)
    else if (call.kind === 'write') {
      const set = SET.exec(call.key)?.[0]
      if (set === undefined) keys.add(call.key)
      else prefixes.add(set)
    }
  }
  const events: Event[] = []
  const recorder = new Recorder(systemClock, (event) => void events.push(event))
  for (const key of keys)
    await insist(() =>
      recorder.during(
        [{ kind: 'read', key }],
        async () => [await store.get(key)] as const,
        ([entry]) => [readOutcome(entry)],
      ),
    )
  for (const prefix of prefixes)
    await insist(() =>
      recorder.during(
        [{ kind: 'list', prefix }],
        () => store.list([prefix]),
        ({ entries, revision }) => [listOutcome(entries, revision)],
      ),
    )
  return operationsOf(FINAL, events)
}

async function insist(ask: () => Promise<unknown>): Promise<void> {
  for (let left = 100; (await ask()) === undefined; left--) {
    if (left === 0) throw new Error('the store did not come back')
    await pause(200)
  }
}

/** One line of figures for one engine. */
export function formatJudgement(engine: string, faultsInjected: string, judged: Judgement): string {
  const count = (kind: string) => judged.faults.filter((fault) => fault.kind === kind).length
  return (
    `${engine}: ${judged.operations} operations, ${judged.ok} ok, ${judged.failed} failed (${judged.conflicts} conflicts), ` +
    `${judged.unknown} unknown, ${judged.holds} leases held, faults injected: ${faultsInjected}, ` +
    `lost ${count('lost')}, invented ${count('invented')}, stale ${count('stale')}, ` +
    `out of order ${count('order') + count('undecided')}, leases doubled ${count('lease')}`
  )
}

/** A run that saw too little shows nothing by finding nothing. */
export function assertTelling({ ok, unknown, conflicts, holds }: Judgement, lastedMs: number): void {
  assert.ok(ok > lastedMs / 100, `${ok} operations show nothing`)
  assert.ok(
    unknown > 0 && conflicts > 0 && holds > 0,
    `${unknown} unknown, ${conflicts} conflicts, ${holds} leases`,
  )
}
