/** Reads a history beside the process that writes it. */
import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import type { HistoryReader } from '../history.ts'
import { openForReading } from './file.ts'
import { listRows } from './rows.ts'

/** Undefined where there is none, or none that can be read: then nothing is known here. */
export async function openSqliteHistoryReader(
  path: string,
): Promise<(HistoryReader & { close(): void }) | undefined> {
  if (!existsSync(path)) return undefined
  const db = await open(path)
  if (db === undefined) return undefined
  return {
    async list(query) {
      try {
        return listRows(db, query)
      } catch {
        return []
      }
    },
    close: () => db.close(),
  }
}

async function open(path: string): Promise<DatabaseSync | undefined> {
  try {
    return openForReading(await import('node:sqlite'), path)
  } catch {
    return undefined
  }
}
