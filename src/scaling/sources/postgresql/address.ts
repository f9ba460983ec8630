/** Where PostgreSQL is: of a URL, of libpq's pairs, or of parameters one by one. Files that a connection string names are not read. */
import { NsctlError } from '../../../core/errors.ts'
import type { ReadParameters } from '../../../resources/triggers/schema.ts'

export interface PostgresAddress {
  /** A name, an address, or the folder of a socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly sslmode: string
}

const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']

/** Throws Invalid, with the parameter's name; nothing of a connection string is in the message. */
export function readPostgresAddress(parameters: ReadParameters): PostgresAddress {
  const connection = parameters.text('connection')
  const parts = connection === undefined ? partsOf(parameters) : readConnection(connection)
  const place = connection === undefined ? 'host' : 'connection'
  const { host, user, sslmode = 'prefer' } = parts
  if (host === undefined || host === '') throw wrong(place, 'names no host')
  if (user === undefined || user === '')
    throw wrong(connection === undefined ? 'userName' : place, 'names no user')
  const port = Number(parts.port ?? 5432)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw wrong(connection === undefined ? 'port' : place, 'names no port')
  if (!MODES.includes(sslmode))
    throw wrong(
      connection === undefined ? 'sslmode' : place,
      `has an sslmode that is none of ${MODES.join(', ')}`,
    )
  return { host, port, user, password: parts.password, database: parts.dbname ?? user, sslmode }
}

type Parts = Readonly<Record<string, string | undefined>>

function partsOf(parameters: ReadParameters): Parts {
  return {
    host: parameters.text('host'),
    port: parameters.text('port'),
    user: parameters.text('userName'),
    password: parameters.text('password'),
    dbname: parameters.text('dbName'),
    sslmode: parameters.text('sslmode'),
  }
}

function readConnection(text: string): Parts {
  if (!/^postgres(ql)?:\/\//.test(text)) return readPairs(text)
  if (!URL.canParse(text))
    throw wrong('connection', 'is no URL: percent-encode what is special in the password')
  const url = new URL(text)
  const decoded = (part: string) => (part === '' ? undefined : decode(part))
  return {
    host: url.searchParams.get('host') ?? decoded(url.hostname.replace(/^\[|\]$/g, '')),
    port: decoded(url.port),
    user: decoded(url.username),
    password: decoded(url.password),
    dbname: decoded(url.pathname.slice(1)),
    sslmode: url.searchParams.get('sslmode') ?? undefined,
  }
}

/** `host=db port=5432 password='with space'`, as libpq reads it. */
function readPairs(text: string): Parts {
  const parts: Record<string, string> = {}
  const pair = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s\\']|\\.)*))(?=\s|$)/sy
  let at = 0
  while (text.slice(at).trim() !== '') {
    pair.lastIndex = at
    const found = pair.exec(text)
    if (found === null) throw wrong('connection', 'is neither a URL nor key=value pairs')
    const [whole, name = '', quoted, plain = ''] = found
    parts[name] = (quoted ?? plain).replace(/\\(.)/gs, '$1')
    at += whole.length
  }
  return parts
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function wrong(parameter: string, why: string): NsctlError {
  return new NsctlError('Invalid', `${parameter} ${why}`, {
    value: parameter,
    next: 'write it as postgresql://user:password@host:5432/database?sslmode=require',
  })
}
