/** What a request can come to, in the words and codes that sources promise (source.ts). */
import { type ErrorCode, messageOf, NsctlError } from '../../core/errors.ts'

/** What no message may hold: values of secret parameters. */
export type Secrets = readonly string[]

const MAX_WORDS = 200

/** @param name who was asked: `prometheus at http://127.0.0.1:9090` */
export function unreachable(name: string, error: unknown, secrets: Secrets): NsctlError {
  const why = reasonOf(error)
  return new NsctlError('Unreachable', `${name} cannot be reached: ${withoutSecrets(why, secrets)}`, {
    next: isCertificateFault(error)
      ? 'give the authority that signed its certificate as ca in the TriggerAuthentication'
      : 'check the address, and that it runs there',
  })
}

export function unanswered(name: string): NsctlError {
  return new NsctlError('Unreachable', `${name} did not answer in time`, {
    next: 'check that it is well; `timeout` in the metadata gives it longer',
  })
}

/** @param words of the server's own */
export function refused(name: string, status: number, words: string, secrets: Secrets): NsctlError {
  const said = withoutSecrets(words, secrets)
  const message = `${name} answers ${status}${said === '' ? '' : `: ${said}`}`
  const code = codeOf(status)
  return new NsctlError(code, message, { next: NEXT[code] })
}

const NEXT: Partial<Record<ErrorCode, string>> = {
  Denied: 'check what the TriggerAuthentication gives, and authModes',
  Unreachable: 'look why it has trouble',
  Invalid: 'check the address and the query',
}

function codeOf(status: number): 'Denied' | 'Unreachable' | 'Invalid' {
  if (status === 401 || status === 403 || status === 407) return 'Denied'
  return status >= 500 || status === 408 || status === 429 ? 'Unreachable' : 'Invalid'
}

/** On one line, and short; nothing where a server repeats a secret that it was sent. */
export function withoutSecrets(words: string, secrets: Secrets): string {
  const line = words.replace(/\s+/g, ' ').trim().slice(0, MAX_WORDS)
  return secrets.some((secret) => secret !== '' && words.includes(secret)) ? '' : line
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0])
  return messageOf(error)
}

function isCertificateFault(error: unknown): boolean {
  const code = String((error as { readonly code?: unknown } | undefined)?.code)
  return /CERT|^ERR_TLS|^ERR_SSL|SELF_SIGNED|UNABLE_TO_/.test(code)
}
