/** What -f names, found and read: files, folders, URLs and standard input, as bytes. */
import { lstatSync, readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { messageOf, NsctlError } from '../core/errors.ts'

/** One text with manifests in it. */
export interface Source {
  /** As shown to people: `shop/web.yaml`, `stdin`, a URL without its password. */
  readonly name: string
  /** Absolute; only where it is a file. */
  readonly file?: string
  readonly bytes: Uint8Array
}

export interface SourceOptions {
  /** What -f says, in order; `-` is standard input. */
  readonly names: readonly string[]
  /** Also what lies in folders below a folder. */
  readonly recursive: boolean
  /** Relative names count from here. */
  readonly cwd: string
  readonly readStdin: () => Promise<Uint8Array>
  readonly signal: AbortSignal
}

/** No more than that is read of one source; parsing has a lower limit of its own and says so with the size. */
const MAX_BYTES = 64 * 1024 * 1024
const MANIFEST = /\.(ya?ml|json)$/i
const FETCH_TIMEOUT_MS = 30_000

/**
 * Reads them all, folders in order of name. Errors: Invalid for what is not there, cannot be read, is too large or is a folder
 * without manifests; Unreachable for a URL that does not answer.
 */
export async function readSources(options: SourceOptions): Promise<readonly Source[]> {
  const sources: Source[] = []
  for (const name of options.names) {
    if (name === '-') sources.push({ name: 'stdin', bytes: await options.readStdin() })
    else if (/^https?:\/\//i.test(name)) sources.push(await fetchSource(name, options.signal))
    else sources.push(...readPath(name, options))
  }
  return sources
}

function readPath(name: string, options: SourceOptions): readonly Source[] {
  const path = resolve(options.cwd, name)
  const stat = statOf(path, name)
  if (!stat.isDirectory()) return [readFile(path, name)]
  const files = foundIn(path, name, options.recursive)
  if (files.length === 0)
    throw new NsctlError('Invalid', `${name}: there is no manifest in this folder`, {
      value: name,
      next: options.recursive
        ? 'manifests end in .yaml, .yml or .json'
        : 'manifests end in .yaml, .yml or .json; -R also looks into the folders below',
    })
  return files.map((file) => readFile(file, join(name, relative(path, file))))
}

function foundIn(path: string, name: string, recursive: boolean): readonly string[] {
  try {
    return manifestsIn(path, recursive, new Set())
  } catch (error) {
    throw unreadable(name, error)
  }
}

/** Files with manifests in a folder, in order of name. A folder that links back to one above it is not entered again. */
function manifestsIn(folder: string, recursive: boolean, seen: Set<string>): readonly string[] {
  const real = realpathSync(folder)
  if (seen.has(real)) return []
  seen.add(real)
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name)
      const stat = statSync(path, { throwIfNoEntry: false })
      if (stat?.isDirectory()) return recursive ? manifestsIn(path, recursive, seen) : []
      // a link that leads nowhere is named by the reading that fails
      return MANIFEST.test(name) && (stat === undefined ? lstatSync(path).isSymbolicLink() : true)
        ? [path]
        : []
    })
}

function statOf(path: string, name: string): Stats {
  try {
    return statSync(path)
  } catch (error) {
    throw unreadable(name, error)
  }
}

function readFile(path: string, name: string): Source {
  const { size } = statOf(path, name)
  if (size > MAX_BYTES) throw tooLarge(name, size)
  try {
    return { name, file: path, bytes: readFileSync(path) }
  } catch (error) {
    throw unreadable(name, error)
  }
}

async function fetchSource(name: string, signal: AbortSignal): Promise<Source> {
  const url = URL.parse(name)
  if (url === null) throw new NsctlError('Invalid', `not a URL: ${JSON.stringify(name)}`, { value: name })
  const { username, password } = url
  url.username = ''
  url.password = ''
  const shown = url.href
  const headers = username === '' ? {} : { authorization: basicAuthorization(username, password) }
  try {
    const response = await fetch(url, {
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]),
    })
    if (!response.ok) {
      await response.body?.cancel()
      throw refused(shown, response.status)
    }
    return { name: shown, bytes: await readBody(response, shown) }
  } catch (error) {
    if (error instanceof NsctlError || signal.aborted) throw error
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    throw new NsctlError('Unreachable', `${shown} cannot be fetched: ${messageOf(cause)}`, {
      value: shown,
      cause: error,
    })
  }
}

async function readBody(response: Response, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > MAX_BYTES) throw tooLarge(name, size)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${decodeURIComponent(user)}:${decodeURIComponent(password)}`).toString('base64')}`
}

function refused(url: string, status: number): NsctlError {
  return new NsctlError(status < 500 ? 'Invalid' : 'Unreachable', `${url} answers ${status}`, { value: url })
}

function unreadable(name: string, error: unknown): NsctlError {
  const code = (error as NodeJS.ErrnoException).code
  const why = code === 'ENOENT' || code === 'ENOTDIR' ? 'there is no such file or folder' : messageOf(error)
  return new NsctlError('Invalid', `${name}: ${why}`, { value: name, cause: error })
}

function tooLarge(name: string, bytes: number): NsctlError {
  return new NsctlError(
    'TooLarge',
    `${name}: ${Math.round(bytes / 1024 / 1024)} MiB are too much for manifests`,
    {
      value: bytes,
      next: 'split it: several files can be applied at once',
    },
  )
}
