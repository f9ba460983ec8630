/** Values for Configs and Secrets from --from-literal, --from-file and --from-env-file, as kubectl reads them. */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { messageOf, NsctlError } from '../core/errors.ts'
import { isValueKey, VALUE_KEY_RULE } from '../resources/value-key.ts'
import { parseEnvFile } from './env-file.ts'

/** What the three flags say, in the order in which they were given. */
export interface LiteralFlags {
  readonly fromLiteral?: readonly string[]
  readonly fromFile?: readonly string[]
  readonly fromEnvFile?: readonly string[]
}

export interface LiteralContext {
  /** Relative names count from here. */
  readonly cwd: string
  /** What a line of an env file without `=` is read from. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** For `--from-file KEY=-` and `--from-env-file -`. */
  readonly readStdin: () => Promise<Uint8Array>
}

export interface LiteralValue {
  readonly key: string
  readonly value: Uint8Array
  /** A Config keeps what came from a file with its files. */
  readonly from: 'literal' | 'file' | 'env-file'
}

/** More than any object can hold: what is larger is refused by its name, without being read. */
const MAX_BYTES = 1024 * 1024

/**
 * All that the flags name: literals first, then files, then env files; each key once. Messages name keys and files, never a value, nor
 * what might be one.
 *
 * @throws NsctlError Usage for flags that are wrong in themselves, Invalid for what cannot be read or is no key, TooLarge for a file
 *   that no object could hold
 */
export async function readLiterals(
  flags: LiteralFlags,
  context: LiteralContext,
): Promise<readonly LiteralValue[]> {
  const { fromLiteral = [], fromFile = [], fromEnvFile = [] } = flags
  if (fromEnvFile.length > 0 && fromLiteral.length + fromFile.length > 0)
    throw new NsctlError('Usage', '--from-env-file cannot stand beside --from-file or --from-literal', {
      next: 'make the object of the one and add the others by nsctl edit or nsctl secret edit',
    })
  if ([...fromFile, ...fromEnvFile].filter(isStdin).length > 1)
    throw new NsctlError('Usage', 'standard input can be read only once', { value: '-' })
  const values = new Collector()
  for (const text of fromLiteral) values.add(literal(text), '--from-literal')
  for (const text of fromFile) for (const one of await fileValues(text, context)) values.add(one, text)
  for (const text of fromEnvFile) {
    const name = isStdin(text) ? 'stdin' : text
    const bytes = isStdin(text) ? await context.readStdin() : readBytes(resolve(context.cwd, name), name)
    if (bytes.length > MAX_BYTES) throw tooLarge(name)
    for (const one of parseEnvFile(bytes, name, context.env))
      values.add({ key: one.name, value: one.value, from: 'env-file' }, `${name}:${one.line}`)
  }
  return values.all
}

class Collector {
  readonly all: LiteralValue[] = []
  readonly #keys = new Set<string>()

  add(value: LiteralValue, where: string): void {
    if (this.#keys.has(value.key))
      throw new NsctlError('Invalid', `${where}: the key ${value.key} is given twice`, { value: value.key })
    this.#keys.add(value.key)
    this.all.push(value)
  }
}

/** What is in front of the first `=` is shown only once it is known to be a key: a value may have been written without one. */
function literal(text: string): LiteralValue {
  const cut = text.indexOf('=')
  if (cut <= 0)
    throw new NsctlError('Usage', '--from-literal needs KEY=VALUE', {
      next: 'write the key, =, and the value: --from-literal user=shop',
    })
  const key = text.slice(0, cut)
  if (!isValueKey(key))
    throw new NsctlError('Invalid', '--from-literal: what is in front of = is no key', {
      next: VALUE_KEY_RULE,
    })
  return { key, value: Buffer.from(text.slice(cut + 1)), from: 'literal' }
}

function isStdin(text: string): boolean {
  return text === '-' || text.endsWith('=-')
}

async function fileValues(text: string, context: LiteralContext): Promise<readonly LiteralValue[]> {
  const { key, name } = namedFile(text)
  if (name === '-') {
    if (key === undefined)
      throw new NsctlError('Usage', '--from-file - needs a key', {
        value: text,
        next: 'write --from-file KEY=-',
      })
    return [fileValue(key, await context.readStdin(), 'stdin')]
  }
  const path = resolve(context.cwd, name)
  if (!isFolder(path, name)) {
    const given = key ?? checkedKey(basename(path), name)
    return [fileValue(given, readBytes(path, name), name)]
  }
  if (key !== undefined)
    throw new NsctlError('Usage', `--from-file ${text}: ${name} is a folder, and a folder has no key`, {
      value: text,
      next: `write --from-file ${name}: each file in it is a key`,
    })
  return filesIn(path, name).map((file) =>
    fileValue(checkedKey(file, join(name, file)), readBytes(join(path, file), join(name, file)), name),
  )
}

function fileValue(key: string, value: Uint8Array, name: string): LiteralValue {
  if (value.length > MAX_BYTES) throw tooLarge(name)
  return { key, value, from: 'file' }
}

/** `[KEY=]PATH`. */
function namedFile(text: string): { readonly key?: string; readonly name: string } {
  const parts = text.split('=')
  if (parts.length === 1 && text !== '') return { name: text }
  const [key = '', name = ''] = parts
  if (parts.length > 2 || key === '' || name === '')
    throw new NsctlError('Usage', `--from-file needs [KEY=]PATH, not ${JSON.stringify(text)}`, {
      value: text,
      next: 'neither a key nor a path can hold =',
    })
  return { key: checkedKey(key, `--from-file ${text}`), name }
}

function checkedKey(key: string, where: string): string {
  if (isValueKey(key)) return key
  throw new NsctlError('Invalid', `${where}: ${JSON.stringify(key)} is no key`, {
    value: key,
    next: `${VALUE_KEY_RULE}; --from-file KEY=PATH gives one`,
  })
}

function isFolder(path: string, name: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch (error) {
    throw unreadable(name, error)
  }
}

/** Regular files in order of name; links, folders and all else are left out. */
function filesIn(path: string, name: string): readonly string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)
      .sort()
  } catch (error) {
    throw unreadable(name, error)
  }
}

/** Also what has no size of its own: /dev/stdin, a pipe that a shell made with <(…). */
function readBytes(path: string, name: string): Uint8Array {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const stat = fstatSync(file)
    if (stat.isFile() && stat.size > MAX_BYTES) throw tooLarge(name)
    const chunks: Uint8Array[] = []
    for (let size = 0; ; ) {
      const chunk = new Uint8Array(64 * 1024)
      const read = readSync(file, chunk)
      if (read === 0) return Buffer.concat(chunks)
      size += read
      if (size > MAX_BYTES) throw tooLarge(name)
      chunks.push(chunk.subarray(0, read))
    }
  } catch (error) {
    throw error instanceof NsctlError ? error : unreadable(name, error)
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function unreadable(name: string, error: unknown): NsctlError {
  const code = (error as NodeJS.ErrnoException).code
  const why =
    code === 'ENOENT' || code === 'ENOTDIR'
      ? 'there is no such file'
      : code === 'EISDIR'
        ? 'is a folder, and this needs a file'
        : messageOf(error)
  return new NsctlError('Invalid', `${name}: ${why}`, { value: name, cause: error })
}

function tooLarge(name: string): NsctlError {
  return new NsctlError('TooLarge', `${name}: is larger than the 1 MiB that are read of a file`, {
    value: name,
    next: 'a Config and a Secret hold up to 124 KiB; larger data belongs into storage or into what the program is installed with',
  })
}
