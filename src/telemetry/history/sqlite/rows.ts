/** Entries as rows. */
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import { type HistoryEntry, type HistoryQuery, type HistorySubject, subjectKey } from '../history.ts'
import { DECISIONS_KEPT, LAST_DECISIONS_KEPT, type Retention } from '../retention.ts'
import { KINDS } from './file.ts'

/** Reads `query`. A row that is no JSON (a flipped bit) is left out. */
export function listRows(db: DatabaseSync, query: HistoryQuery): readonly HistoryEntry[] {
  const { object, uid, kind, fromMs, toMs, limit = -1 } = query
  // of one they come in the order in which they are kept, and of several they are sorted
  const [ids, subject] =
    uid === undefined
      ? ['IN (SELECT id FROM object WHERE name = ?)', [object]]
      : ['= (SELECT id FROM object WHERE name = ? AND uid = ?)', [object, uid]]
  const span = [Math.ceil(fromMs ?? 0), Math.ceil(toMs ?? Number.MAX_SAFE_INTEGER)]
  const rows = db
    .prepare(
      `SELECT (SELECT uid FROM object WHERE id = entry.object) AS uid, at, content FROM entry
       WHERE object ${ids} AND kind = ? AND at >= ? AND at < ? ORDER BY at DESC LIMIT ?`,
    )
    .all(...subject, KINDS[kind], ...span, limit)
  return rows.flatMap((row) => entryOf(object, kind, row))
}

function entryOf(
  object: string,
  kind: HistoryEntry['kind'],
  { uid, at, content }: Record<string, SQLOutputValue>,
): readonly HistoryEntry[] {
  try {
    return [{ object, uid: String(uid), kind, atMs: Number(at), content: JSON.parse(String(content)) }]
  } catch {
    return []
  }
}

/** Writes and thins; one for each time that the file is opened. */
export class Rows {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  /** By subject. */
  readonly #ids = new Map<string, number>()
  /** By object and width of buckets: thinned up to there. */
  readonly #thinned = new Map<string, number>()

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  /** All of them or none. */
  write(entries: readonly HistoryEntry[]): void {
    this.#transaction(() => {
      for (const entry of withoutSuperseded(entries)) this.#writeOne(entry)
    })
  }

  #writeOne({ object, uid, kind, atMs, content }: HistoryEntry): void {
    const id = this.#idOf({ object, uid })
    if (kind === 'latest') {
      const newer = this.#prepared('SELECT 1 FROM entry WHERE object = ? AND kind = 2 AND at >= ?')
      if (newer.get(id, Math.round(atMs)) !== undefined) return
      this.#run('DELETE FROM entry WHERE object = ? AND kind = 2', id)
    }
    this.#prepared(
      'INSERT INTO entry (object, kind, at, content) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    ).run(id, KINDS[kind], Math.round(atMs), JSON.stringify(content) ?? 'null')
  }

  /** Ids of objects after `id`, in order, at most so many. */
  objectsAfter(id: number, limit: number): readonly number[] {
    const rows = this.#db.prepare('SELECT id FROM object WHERE id > ? ORDER BY id LIMIT ?').all(id, limit)
    return rows.map((row) => Number(row.id))
  }

  countObjects(): number {
    return Number(this.#db.prepare('SELECT count(*) AS n FROM object').get()?.n)
  }

  /** Removes what `retention` no longer keeps of these objects, and objects of which nothing is left. */
  prune(ids: readonly number[], retention: Retention): void {
    this.#transaction(() => {
      for (const id of ids) this.#pruneObject(id, retention)
    })
  }

  #pruneObject(id: number, { samplesFromMs, thin, ...decisions }: Retention): void {
    const { decisionsFromMs, lastDecisionsFromMs } = decisions
    this.#run('DELETE FROM entry WHERE object = ? AND kind = 1 AND at < ?', id, samplesFromMs)
    for (const { fromMs, toMs, everyMs } of thin) {
      const key = `${id}/${everyMs}`
      const beginMs = Math.max(fromMs, this.#thinned.get(key) ?? 0)
      if (beginMs >= toMs) continue
      this.#run(
        `DELETE FROM entry WHERE object = ?1 AND kind = 1 AND at >= ?2 AND at < ?3 AND EXISTS (SELECT 1 FROM entry AS later
           WHERE later.object = ?1 AND later.kind = 1 AND later.at > entry.at AND later.at < (entry.at / ?4 + 1) * ?4)`,
        id,
        beginMs,
        toMs,
        everyMs,
      )
      this.#thinned.set(key, toMs)
    }
    this.#run(
      `DELETE FROM entry WHERE object = ?1 AND kind = 0 AND at < max(?2, ${nthNewest(DECISIONS_KEPT)})
         AND at < max(?3, ${nthNewest(LAST_DECISIONS_KEPT)})`,
      id,
      decisionsFromMs,
      lastDecisionsFromMs,
    )
    this.#run('DELETE FROM entry WHERE object = ? AND kind = 2 AND at < ?', id, lastDecisionsFromMs)
    if (this.#prepared('SELECT 1 FROM entry WHERE object = ? LIMIT 1').get(id) !== undefined) return
    this.#run('DELETE FROM object WHERE id = ?', id)
    for (const [key, known] of this.#ids) if (known === id) this.#ids.delete(key)
    for (const { everyMs } of thin) this.#thinned.delete(`${id}/${everyMs}`)
  }

  /** As integers: a number is bound as a real one, and what is divided by that is no bucket. */
  #run(statement: string, ...values: readonly number[]): void {
    this.#prepared(statement).run(...values.map((value) => BigInt(Math.ceil(value))))
  }

  #prepared(statement: string): StatementSync {
    const known = this.#statements.get(statement)
    if (known !== undefined) return known
    const prepared = this.#db.prepare(statement)
    this.#statements.set(statement, prepared)
    return prepared
  }

  #idOf(subject: HistorySubject): number {
    const key = subjectKey(subject)
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    const { object, uid } = subject
    this.#db.prepare('INSERT INTO object (name, uid) VALUES (?, ?) ON CONFLICT DO NOTHING').run(object, uid)
    const id = Number(
      this.#db.prepare('SELECT id FROM object WHERE name = ? AND uid = ?').get(object, uid)?.id,
    )
    this.#ids.set(key, id)
    return id
  }

  #transaction(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.#db.exec('COMMIT')
    } catch (error) {
      // a full disk has rolled back already; ids may be of rows that are not there
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      this.#ids.clear()
      throw error
    }
  }
}

/** Without what others among them take the place of. */
function withoutSuperseded(entries: readonly HistoryEntry[]): readonly HistoryEntry[] {
  const latest = new Map<string, HistoryEntry>()
  for (const entry of entries) {
    if (entry.kind === 'latest' && (latest.get(subjectKey(entry))?.atMs ?? 0) <= entry.atMs)
      latest.set(subjectKey(entry), entry)
  }
  return entries.filter((entry) => entry.kind !== 'latest' || latest.get(subjectKey(entry)) === entry)
}

/** The time of an object's nth newest decision; 0 where there are not so many. */
function nthNewest(n: number): string {
  return `ifnull((SELECT at FROM entry WHERE object = ?1 AND kind = 0 ORDER BY at DESC LIMIT 1 OFFSET ${n - 1}), 0)`
}
