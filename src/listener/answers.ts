/** How errors travel: an NsctlError of the node is one of the same code and words at the caller. */
import { type ErrorCode, EXIT_CODES, isNsctlError, NsctlError } from '../core/errors.ts'
import { isObject } from '../core/json.ts'

export interface ToldError {
  readonly error: string
  readonly code: ErrorCode
  readonly next?: string
}

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  Invalid: 400,
  Usage: 400,
  Denied: 403,
  NotFound: 404,
  Conflict: 409,
  TooLarge: 413,
  Unsupported: 422,
  Unreachable: 503,
}

/** What is said of an error, and with which status. What is no NsctlError is a bug of ours, and is not told in its own words. */
export function toldOf(error: unknown): { readonly status: number; readonly told: ToldError } {
  if (!isNsctlError(error))
    return { status: 500, told: { error: 'the agent could not do that: its log says why', code: 'Failed' } }
  const { code, message, next } = error
  return {
    status: STATUS[code] ?? 500,
    told: { error: message, code, ...(next === undefined ? {} : { next }) },
  }
}

/** Undefined for what no agent says. */
export function errorOf(told: unknown, node: string): NsctlError | undefined {
  if (!isObject(told) || typeof told.error !== 'string') return undefined
  const { error, code, next } = told
  const known = typeof code === 'string' && code in EXIT_CODES ? (code as ErrorCode) : 'Failed'
  return new NsctlError(known, `node ${node}: ${error}`, {
    value: node,
    ...(typeof next === 'string' ? { next } : {}),
  })
}
