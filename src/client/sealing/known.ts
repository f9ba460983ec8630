/**
 * The recipients that this user has accepted, by store, as ssh knows its hosts. A text file with a line per acceptance,
 * `<store> <name> <key>`, the last one of a name holds; `-` for a key takes it away. Lines are only ever added, so that two commands at once
 * lose nothing.
 */
import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { messageOf, NsctlError } from '../../core/errors.ts'

/** Keys by the names of their recipients. */
export type KnownRecipients = ReadonlyMap<string, string>

const GONE = '-'
const LINE = /^(\S+) (\S+) (age1[a-z0-9]+|-)$/

/** Undefined where nothing was ever accepted for that store. Invalid for a damaged file: what it knew must not be forgotten. */
export async function readKnown(path: string, storeUrl: string): Promise<KnownRecipients | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw failure(path, error)
  })
  let known: Map<string, string> | undefined
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [, store, name, key] = LINE.exec(line) ?? []
    if (store === undefined || name === undefined || key === undefined)
      throw new NsctlError('Invalid', `${path}:${index + 1}: is no line of known recipients`, {
        value: path,
        next: 'correct or remove that line; without the whole file every recipient is taken as known at the next use',
      })
    if (store !== nameOf(storeUrl)) continue
    known ??= new Map()
    if (key === GONE) known.delete(name)
    else known.set(name, key)
  }
  return known
}

/** Notes what is accepted now, `undefined` for what is not any more. Makes the file, for its owner alone. */
export async function noteKnown(
  path: string,
  storeUrl: string,
  changes: ReadonlyMap<string, string | undefined>,
): Promise<void> {
  if (changes.size === 0) return
  const lines = [...changes].map(([name, key]) => `${nameOf(storeUrl)} ${name} ${key ?? GONE}\n`)
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(path, 'a+', 0o600)
    try {
      const { size } = await file.stat()
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1))
      // an earlier write that was cut off must not swallow this one
      const isOpen = size > 0 && buffer.toString('latin1') !== '\n'
      await file.write(`${isOpen ? '\n' : ''}${lines.join('')}`)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    throw failure(path, error)
  }
}

/** One word, whatever characters a path has. */
function nameOf(storeUrl: string): string {
  return encodeURI(storeUrl)
}

function failure(path: string, cause: unknown): NsctlError {
  return new NsctlError('Unreachable', `${path} cannot be read or written: ${messageOf(cause)}`, {
    value: path,
    next: 'correct its permissions, or name another place in $NSCTL_CONFIG: it lies beside that file',
    cause,
  })
}
