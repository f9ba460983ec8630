/** Retention: what is old goes, in pages, and not while the wall clock cannot be trusted. */
import { isObject } from '../core/json.ts'
import type { Entry, Transaction } from '../store/store.ts'
import { decodeJson } from './codec.ts'
import { type Context, commit } from './context.ts'
import { AUDIT_PREFIX, listPrefixes } from './keys.ts'
import { startOfMinute, timePrefixes } from './time-prefixes.ts'

export const EVENTS_KEPT_MS = 60 * 60 * 1000
export const AUDIT_KEPT_MS = 90 * 24 * 60 * 60 * 1000
/** The wall clock may drift so far from the monotonic one between two passes; more is a jump. */
const MAX_DRIFT_MS = 60 * 1000
const PAGE = 500

/** Remembers when it last looked at both clocks, so as to notice a jump, and how far the audit trail is removed. */
export class Janitor {
  readonly #clock: Context['clock']
  #wallMs: number
  #monotonicMs: number
  /** No audit record is from before. */
  #auditFromMs = 0

  constructor(clock: Context['clock']) {
    this.#clock = clock
    this.#wallMs = clock.now()
    this.#monotonicMs = clock.monotonic()
  }

  /** See `ResourceJanitor.expire`. */
  async expire(context: Context): Promise<{ readonly events: number; readonly audit: number }> {
    const jumpMs = this.#jumpedMs()
    if (Math.abs(jumpMs) > MAX_DRIFT_MS) {
      context.logger.log('warn', 'the wall clock has jumped: nothing is expired this time', { jumpMs })
      return { events: 0, audit: 0 }
    }
    return { events: await expireEvents(context), audit: await this.#expireAudit(context) }
  }

  /** Keys are in order of time: reads those that go and no others, and with all but the first pass those of minutes. */
  async #expireAudit(context: Context): Promise<number> {
    const toMs = Math.max(0, startOfMinute(context.clock.now() - AUDIT_KEPT_MS))
    // a clock that was set back may have written before what was removed
    const fromMs = toMs < this.#auditFromMs ? 0 : this.#auditFromMs
    let count = 0
    for (const time of timePrefixes(fromMs, toMs))
      count += await removeAll(context, await context.store.listKeys(AUDIT_PREFIX + time))
    this.#auditFromMs = toMs
    return count
  }

  /** How far the wall clock went apart from the monotonic one since the last pass. */
  #jumpedMs(): number {
    const [wallMs, monotonicMs] = [this.#clock.now(), this.#clock.monotonic()]
    const jumpMs = wallMs - this.#wallMs - (monotonicMs - this.#monotonicMs)
    this.#wallMs = wallMs
    this.#monotonicMs = monotonicMs
    return jumpMs
  }
}

async function expireEvents(context: Context): Promise<number> {
  const oldestMs = context.clock.now() - EVENTS_KEPT_MS
  const prefixes = listPrefixes(context.kinds.byKind('Event'), {})
  const keys = (await Promise.all(prefixes.map((prefix) => context.store.listKeys(prefix)))).flat()
  let count = 0
  for (let start = 0; start < keys.length; start += PAGE) {
    const entries = await context.store.getMany(keys.slice(start, start + PAGE))
    count += await remove(
      context,
      entries.filter((entry) => lastSeenMs(entry) < oldestMs),
    )
  }
  return count
}

function lastSeenMs(entry: Entry): number {
  const event = said(entry)
  const at = isObject(event) ? Date.parse(String(event.lastTimestamp)) : Number.NaN
  // one that says nothing is not kept for ever
  return Number.isNaN(at) ? 0 : at
}

/** What agents recorded may be anything. */
function said(entry: Entry): unknown {
  try {
    return decodeJson(entry)
  } catch {
    return undefined
  }
}

async function removeAll(context: Context, keys: readonly string[]): Promise<number> {
  let count = 0
  for (let start = 0; start < keys.length; start += PAGE) {
    const page = keys.slice(start, start + PAGE)
    const outcomes = await commit(
      context,
      page.map((key): Transaction => [{ kind: 'delete', key }]),
    )
    count += outcomes.length
  }
  return count
}

/** Only as they were read: an event that was counted again meanwhile stays. */
async function remove(context: Context, entries: readonly Entry[]): Promise<number> {
  const outcomes = await commit(
    context,
    entries.map(({ key, revision }): Transaction => [{ kind: 'delete', key, expect: revision }]),
  )
  return outcomes.filter((outcome) => outcome.kind === 'committed').length
}
