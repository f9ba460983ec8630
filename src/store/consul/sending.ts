/**
 * Sends a commit so that it happens once or not at all, also where an answer is lost: every commit ends with a
 * compare-and-set of its shard's head, so sending the very same again cannot do it twice, and its id in the log tells
 * whether it was ours that moved the head.
 */
import { type Clock, delay } from '../../core/clock.ts'
import type { KvClient, KvOperation } from './client.ts'
import { ConsulError, isTransient } from './errors.ts'
import type { Head } from './heads.ts'
import { decodeLog, encodeLog } from './records.ts'

export type Sent =
  | { readonly kind: 'committed'; readonly revision: number }
  /** Nothing of it happened. Whose operations stood in the way, of `count`. */
  | { readonly kind: 'refused'; readonly operations: readonly number[]; readonly count: number }
  /** Nothing of it happened, nor will it: another commit took its place in the log. */
  | { readonly kind: 'lost' }

export interface Commit {
  /** Keys of the shard's head, and of the log entry that the commit writes. */
  readonly head: string
  readonly log: string
  /** The head that it was made for. */
  readonly before: Head
  readonly id: string
  readonly clock: Clock
  readonly giveUpMs: number
}

const RETRY_FIRST_MS = 50
const RETRY_LAST_MS = 500

/** Rejects where Consul does not want it, and where nothing can be known of it for `giveUpMs`. */
export async function sendCommit(
  client: KvClient,
  operations: readonly KvOperation[],
  commit: Commit,
): Promise<Sent> {
  const { clock, giveUpMs } = commit
  const deadlineMs = clock.monotonic() + giveUpMs
  let isOpen = false
  for (let waitMs = RETRY_FIRST_MS; ; waitMs = Math.min(waitMs * 2, RETRY_LAST_MS)) {
    try {
      // what a lost answer stood for is looked for before anything is sent again
      const fate = isOpen ? await findOut(client, commit) : undefined
      if (fate !== undefined) return fate
      const outcome = await client.transact(operations)
      if (outcome.kind === 'done') return { kind: 'committed', revision: outcome.entries.at(-1)!.index }
      if (!isOpen) return { ...outcome, kind: 'refused', count: operations.length }
      // what was sent before may still arrive, and be let in by then
      if (await takePlace(client, commit)) return { kind: 'lost' }
    } catch (error) {
      if (!isOpen && !isTransient(error)) throw error
      isOpen = true
      if (clock.monotonic() + waitMs > deadlineMs) throw unknown(error)
    }
    await delay(clock, waitMs)
  }
}

/** What became of it; undefined where it has not happened and still may. */
async function findOut(client: KvClient, { head, log, before, id }: Commit): Promise<Sent | undefined> {
  const outcome = await client.transact([
    { Verb: 'get-tree', Key: head },
    { Verb: 'get-tree', Key: log },
  ])
  if (outcome.kind !== 'done') return undefined
  const now = outcome.entries.find((entry) => entry.key === head)
  if (now?.index === before.revision) return undefined
  const entry = outcome.entries.find((one) => one.key === log)
  const record = entry && decodeLog(entry.value)
  if (entry === undefined || record === undefined || record.n < before.n + 1) return { kind: 'lost' }
  if (record.n === before.n + 1)
    return record.id === id ? { kind: 'committed', revision: entry.index } : { kind: 'lost' }
  throw new ConsulError(
    'unknown',
    'Unreachable',
    'the log has moved on too far to tell whether a commit happened',
  )
}

/** Moves the head on with a commit of nothing, so that what was made for the old one cannot happen any more. */
async function takePlace(client: KvClient, { head, log, before }: Commit): Promise<boolean> {
  const n = before.n + 1
  const outcome = await client.transact([
    { Verb: 'set', Key: log, Value: base64(encodeLog({ n, id: '', put: [], delete: [] })) },
    { Verb: 'cas', Key: head, Value: base64(String(n)), Index: before.revision },
  ])
  return outcome.kind === 'done'
}

/** Consul takes and gives values in it. */
export function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

function unknown(error: unknown): unknown {
  if (!(error instanceof ConsulError)) return error
  return new ConsulError(
    'unknown',
    error.code,
    `${error.message}; whether the last change was written is not known`,
    {
      value: error.value,
      next: 'look at the object again once the store answers',
      cause: error,
    },
  )
}
