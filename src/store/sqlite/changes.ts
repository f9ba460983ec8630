/** What happened after a revision, read off the log. Values are read when they are reported, so that a key comes once. */
import type { FeedPage } from '../feed.ts'
import type { Change } from '../store.ts'
import type { Rows } from './rows.ts'

const LOG_PAGE_REVISIONS = 500
/** A page ends with the transaction that reaches this. */
const PAGE_CHANGES = 1_000

/** One page of what changed after `cursor` among the keys that match. */
export function changesAfter(rows: Rows, cursor: number, matches: (key: string) => boolean): FeedPage {
  const log = rows.log(cursor, LOG_PAGE_REVISIONS)
  const newest = log.at(-1)?.revision ?? rows.revision()
  // the log has no gaps: where the next revision is not the first, it was trimmed; before a future one there is none
  if (log[0] === undefined ? cursor > newest : log[0].revision !== cursor + 1) {
    const revision = rows.revision()
    return { batch: { kind: 'relist', revision }, cursor: revision, more: false }
  }
  const changes: Change[] = []
  let reached = cursor
  for (const { revision, puts, deletes } of log) {
    reached = revision
    for (const key of puts) {
      const entry = matches(key) ? rows.get(key) : undefined
      // what has changed again since comes again later in the log
      if (entry?.revision === revision) changes.push({ kind: 'put', ...entry })
    }
    for (const key of deletes) {
      if (matches(key) && rows.get(key) === undefined) changes.push({ kind: 'delete', key, revision })
    }
    if (changes.length >= PAGE_CHANGES) break
  }
  const more = reached < newest || log.length === LOG_PAGE_REVISIONS
  if (changes.length === 0) return { cursor: reached, more }
  return { batch: { kind: 'changes', changes, revision: reached }, cursor: reached, more }
}
