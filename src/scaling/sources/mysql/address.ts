/** Where MySQL is: of Go's connection string, or of parameters one by one. */
import { NsctlError } from '../../../core/errors.ts'
import type { ReadParameters } from '../../../resources/triggers/schema.ts'

export interface MysqlAddress {
  /** A name or an address; the path of a socket begins with a slash. */
  readonly host: string
  readonly port: number
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: string | undefined
  readonly tls: 'none' | 'any' | 'verified'
}

/** Throws Invalid, with the parameter's name; nothing of a connection string is in the message. */
export function readMysqlAddress(parameters: ReadParameters): MysqlAddress {
  const connection = parameters.text('connectionString')
  if (connection !== undefined) return readConnection(connection)
  const host = parameters.text('host')
  if (host === undefined) throw wrong('host', 'is missing')
  return {
    host,
    port: portOf(parameters.text('port') ?? '3306', 'port'),
    user: parameters.text('username'),
    password: parameters.text('password'),
    database: parameters.text('dbName'),
    tls: 'none',
  }
}

/** `user:password@tcp(host:3306)/database?tls=true`: the last slash and the last @ before it divide it, so that a password may have both. */
function readConnection(text: string): MysqlAddress {
  const slash = text.lastIndexOf('/')
  if (slash === -1) throw wrong('connectionString', 'has no / before the database')
  const [database = '', query = ''] = text.slice(slash + 1).split('?')
  const before = text.slice(0, slash)
  const at = before.lastIndexOf('@')
  const [user, ...password] = at === -1 ? [] : before.slice(0, at).split(':')
  const found = /^(?:([a-z0-9]+)(?:\((.*)\))?)?$/s.exec(before.slice(at + 1))
  const [, network = 'tcp', place = ''] = found ?? []
  if (found === null || !['tcp', 'unix'].includes(network))
    throw wrong('connectionString', 'names no tcp(host:port) or unix(path)')
  const tls = new URLSearchParams(query).get('tls') ?? 'false'
  const colon = /:[0-9]+$/.exec(place)
  const host = colon === null ? place : place.slice(0, colon.index)
  return {
    host: network === 'unix' ? place : host.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: portOf(network === 'unix' || colon === null ? '3306' : colon[0].slice(1), 'connectionString'),
    user,
    password: password.length === 0 ? undefined : password.join(':'),
    database: database === '' ? undefined : decode(database),
    tls: tls === 'false' ? 'none' : tls === 'true' ? 'verified' : 'any',
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function portOf(text: string, parameter: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw wrong(parameter, 'names no port')
}

function wrong(parameter: string, why: string): NsctlError {
  return new NsctlError('Invalid', `${parameter} ${why}`, {
    value: parameter,
    next: 'write it as user:password@tcp(host:3306)/database',
  })
}
