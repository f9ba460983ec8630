/**
 * The least that applying manifests can cost: parse them with the same parser, check them with the same precompiled
 * validator, and write each as one row in one durable transaction. No merge, no history, no output.
 *
 *     node apply.mjs FILE DATABASE
 */
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { BUILT_IN_VALIDATORS } from '../../src/resources/generated/validators.ts'

interface Document {
  readonly kind: string
  readonly metadata: { readonly name: string }
}

const [file = '', database = ''] = process.argv.slice(2)

async function parse(text: string): Promise<readonly Document[]> {
  if (file.endsWith('.json')) return JSON.parse(text).items
  const { parseAllDocuments } = await import('yaml')
  return parseAllDocuments(text).map((document) => document.toJS())
}

const documents = await parse(readFileSync(file, 'utf8'))
const db = new DatabaseSync(database)
db.exec(
  'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE objects (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID',
)
const insert = db.prepare('INSERT INTO objects VALUES (?, ?)')
db.exec('BEGIN IMMEDIATE')
for (const document of documents) {
  const check = BUILT_IN_VALIDATORS[document.kind]
  if (check === undefined) throw new Error(`no such kind: ${document.kind}`)
  check(document)
  insert.run(document.metadata.name, JSON.stringify(document))
}
db.exec('COMMIT')
db.close()
