/** How users name a store: `sqlite:/var/lib/nsctl/store.db`, `consul://host:8500/prefix`, `etcd://host:2379/prefix`, `memory:`. */
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ErrorDetails, NsctlError } from '../core/errors.ts'
import { ETCD_EXAMPLE, type EtcdUrl, parseEtcdUrl } from './etcd-url.ts'

export type StoreUrl =
  | { readonly engine: 'sqlite' /** Absolute. */; readonly path: string }
  | { readonly engine: 'memory' }
  | { readonly engine: 'consul' /** Whole: the adapter knows what it says. */; readonly url: string }
  | EtcdUrl

const LATER: readonly string[] = ['http', 'https']
const EXAMPLES =
  'write it like sqlite:/var/lib/nsctl/store.db, consul://127.0.0.1:8500/nsctl, etcd://127.0.0.1:2379/nsctl or memory:'

/**
 * Understands `sqlite:PATH` (relative paths count from `directory`), `sqlite:///PATH`, a bare path, `consul[s]://…`,
 * `etcd[s]://HOST:PORT,…/PREFIX` and `memory:`.
 * Throws Invalid for what is no store, Unsupported for an engine that is not built in.
 */
export function parseStoreUrl(text: string, directory: string = process.cwd()): StoreUrl {
  const [, engine, rest] = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(text) ?? []
  if (engine === undefined || rest === undefined) {
    if (!/[/\\]/.test(text)) throw invalid(text, 'names no engine')
    return { engine: 'sqlite', path: resolve(directory, text) }
  }
  switch (engine.toLowerCase()) {
    case 'memory':
      return { engine: 'memory' }
    case 'sqlite':
    case 'file':
      return { engine: 'sqlite', path: sqlitePath(text, rest, directory) }
    case 'consul':
    case 'consuls':
      return { engine: 'consul', url: text }
    case 'etcd':
    case 'etcds': {
      const url = parseEtcdUrl(rest, engine.toLowerCase() === 'etcds')
      if (typeof url === 'string') throw invalid(text, url, { next: ETCD_EXAMPLE })
      return url
    }
  }
  if (!LATER.includes(engine.toLowerCase())) throw invalid(text, `has an unknown engine ${engine}`)
  throw new NsctlError(
    'Unsupported',
    `the store ${JSON.stringify(withoutSecret(text))} is not built in yet`,
    {
      value: withoutSecret(text),
      next: EXAMPLES,
    },
  )
}

function sqlitePath(text: string, rest: string, directory: string): string {
  if (rest.includes('\0')) throw invalid(text, 'has a NUL in its path')
  if (rest === '' || rest.endsWith('/')) throw invalid(text, 'names no file')
  if (!rest.startsWith('//')) return resolve(directory, rest)
  if (!rest.startsWith('///')) throw invalid(text, 'names a host, but the file must be on this machine')
  try {
    return fileURLToPath(`file:${rest}`)
  } catch (cause) {
    throw invalid(text, 'is no file URL', { cause })
  }
}

/** A URL may carry a password: `consul://user:secret@host`. */
function withoutSecret(text: string): string {
  return text.replace(/\/\/[^/]*@/, '//…@')
}

function invalid(text: string, what: string, details: ErrorDetails = {}): NsctlError {
  const value = withoutSecret(text)
  return new NsctlError('Invalid', `the store ${JSON.stringify(value)} ${what}`, {
    value,
    next: EXAMPLES,
    ...details,
  })
}
