/** Looks for a planted value wherever it could lie, in every form in which it could. */
import { createHash } from 'node:crypto'
import { closeSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'

/** Files are read piece by piece, with so much of the piece before that nothing falls between two. */
const PIECE_BYTES = 4 * 1024 * 1024

export interface Form {
  readonly name: string
  readonly bytes: Buffer
}

/**
 * The value as it stands, as JSON, URLs, base64 (at each of the three places of a byte in it), hex and UTF-16 write it, reversed, and its plain digests,
 * which let anybody guess it.
 */
export function formsOf(value: string): readonly Form[] {
  const forms = new Map<string, string>([
    ['plain', value],
    ['json', JSON.stringify(value).slice(1, -1)],
    ['url', encodeURIComponent(value)],
    ['hex', Buffer.from(value).toString('hex')],
    ['HEX', Buffer.from(value).toString('hex').toUpperCase()],
    ['reversed', [...value].reverse().join('')],
  ])
  for (const shift of [0, 1, 2]) forms.set(`base64 at ${shift}`, base64At(value, shift))
  for (const digest of ['md5', 'sha1', 'sha256', 'sha512'])
    for (const encoding of ['hex', 'base64'] as const)
      forms.set(`${digest} ${encoding}`, createHash(digest).update(value).digest(encoding).replace(/=+$/, ''))
  const texts = [...forms].map(([name, text]) => ({ name, bytes: Buffer.from(text) }))
  return [...texts, { name: 'utf16', bytes: Buffer.from(value, 'utf16le') }]
}

/** What of the base64 of anything that holds `value` after 3n + shift bytes is the same whatever is around it. */
function base64At(value: string, shift: number): string {
  const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(value)])
  const whole = bytes.subarray(0, bytes.length - (bytes.length % 3)).toString('base64')
  return whole.slice(shift === 0 ? 0 : shift + 1)
}

/** Where a value was found: `state/store.db (base64 at 1)`. */
export function findInText(what: string, text: string | Buffer, forms: readonly Form[]): readonly string[] {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  return forms.filter((form) => bytes.includes(form.bytes)).map((form) => `${what} (${form.name})`)
}

export interface Found {
  readonly hits: readonly string[]
  /** How many files were looked into: a search that looked at nothing has found nothing. */
  readonly files: number
}

/** Every file beneath `folder`, links not followed, but for those that `isAllowed` names. */
export function findInFolder(
  folder: string,
  forms: readonly Form[],
  isAllowed: (path: string) => boolean = () => false,
): Found {
  const hits: string[] = []
  let files = 0
  const visit = (path: string) => {
    if (isAllowed(path)) return
    const entry = lstatSync(path, { throwIfNoEntry: false })
    if (entry?.isDirectory()) for (const name of readdirSync(path)) visit(join(path, name))
    if (!entry?.isFile()) return
    files++
    for (const hit of findInFile(path, forms)) hits.push(hit)
  }
  visit(folder)
  return { hits, files }
}

function findInFile(path: string, forms: readonly Form[]): readonly string[] {
  const overlap = Math.max(...forms.map((form) => form.bytes.length))
  const found = new Set<string>()
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    // gone since it was listed
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  try {
    const buffer = Buffer.alloc(overlap + PIECE_BYTES)
    let kept = 0
    for (;;) {
      const read = readSync(file, buffer, kept, PIECE_BYTES, null)
      if (read === 0) break
      for (const hit of findInText(path, buffer.subarray(0, kept + read), forms)) found.add(hit)
      const keep = Math.min(overlap, kept + read)
      buffer.copy(buffer, 0, kept + read - keep, kept + read)
      kept = keep
    }
  } finally {
    closeSync(file)
  }
  return [...found]
}
