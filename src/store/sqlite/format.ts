/** The format of a store's file: which are known, which of them can be read, and the way from each to the present one. */
import type { DatabaseSync } from 'node:sqlite'
import { NsctlError } from '../../core/errors.ts'
import { UPGRADE_FIRST } from '../layout.ts'
import { corrupt } from './errors.ts'
import { APPLICATION_ID, FORMAT_VERSION } from './rows.ts'

/** `refuse`: what must be of the present format. `read`, `upgrade`: older ones that are known, as they are or made present. */
export type OlderFormat = 'refuse' | 'read' | 'upgrade'

interface FormatStep {
  readonly from: number
  readonly to: number
  /** What changes the tables; in one transaction with the number. */
  readonly statements: string
}

/**
 * In order, without gaps, up to the present one. rows.ts reads the rows of all of them, which is what backups and reading commands
 * need: a step after which it could not would have to keep a reader of the former.
 */
const STEPS: readonly FormatStep[] = [
  // the tables are the same; what entries hold is the layout's matter, which had no number of its own then
  { from: 2, to: 3, statements: '' },
]

/**
 * Returns the format that the file has when it is opened. Throws StoreCorrupt for what is no store of ours, StoreFormat for a
 * format that is not to be read here.
 */
export function ensureFormat(db: DatabaseSync, path: string, older: OlderFormat): number {
  const { id, format } = headerOf(db)
  if (id !== APPLICATION_ID) throw corrupt(path, 'it is a database of another program')
  if (format === FORMAT_VERSION) return format
  const isKnown = STEPS.some(({ from }) => from === format)
  if (!isKnown || older === 'refuse') throw otherFormat(path, format, isKnown)
  if (older === 'read') return format
  upgrade(db)
  return FORMAT_VERSION
}

/** All at once: whoever is killed leaves the former format or the present one. */
function upgrade(db: DatabaseSync): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    // another may have been faster
    let { format } = headerOf(db)
    for (const { from, to, statements } of STEPS) {
      if (from !== format) continue
      db.exec(`${statements} PRAGMA user_version = ${to};`)
      format = to
    }
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

function headerOf(db: DatabaseSync): { readonly id: number; readonly format: number } {
  const header = db.prepare(
    'SELECT application_id AS id, user_version AS format FROM pragma_application_id, pragma_user_version',
  )
  return header.get() as { readonly id: number; readonly format: number }
}

function otherFormat(path: string, format: number, isKnown: boolean): NsctlError {
  const tooOld = 'use the nsctl that made it, or move the file away to begin with an empty store'
  return new NsctlError(
    'StoreFormat',
    `the store ${path} has format ${format}, this nsctl reads format ${FORMAT_VERSION}`,
    {
      value: format,
      next:
        format > FORMAT_VERSION
          ? 'use the newer nsctl that made it, or another store (NSCTL_STORE); it was not changed'
          : isKnown
            ? UPGRADE_FIRST
            : tooOld,
    },
  )
}
