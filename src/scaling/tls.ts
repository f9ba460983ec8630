/** TLS of sources that are not over HTTP, made of a trigger's parameters. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { NsctlError } from '../core/errors.ts'
import type { ReadParameters } from '../resources/triggers/schema.ts'

/** What tls.connect and the libraries over it take. PEM. */
export interface TlsOptions {
  ca?: string
  cert?: string
  key?: string
  passphrase?: string
  rejectUnauthorized?: boolean
}

/**
 * Of the parameters `ca`, `cert`, `key`, `keyPassword`, `unsafeSsl`. Throws Invalid, with the parameter's name, for what is none.
 *
 * @param strict for a type that has no `unsafeSsl`
 */
export function readTls(parameters: ReadParameters, strict?: 'strict'): TlsOptions {
  const text = (name: string) => parameters.text(name) || undefined
  const [ca, cert, key, passphrase] = ['ca', 'cert', 'key', 'keyPassword'].map(text)
  if (ca !== undefined) check('ca', 'certificate', () => new X509Certificate(ca))
  if (cert !== undefined) check('cert', 'certificate', () => new X509Certificate(cert))
  if (key !== undefined)
    check('key', 'private key', () => createPrivateKey({ key, ...(passphrase && { passphrase }) }))
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? 'cert' : 'key'
    throw new NsctlError('Invalid', `${missing} is missing: a certificate needs its key`, { value: missing })
  }
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(passphrase && { passphrase }),
    ...(strict === undefined && parameters.flag('unsafeSsl') && { rejectUnauthorized: false }),
  }
}

/** The values of these that no message may hold. */
export function secretsOfTls({ key, passphrase }: TlsOptions): readonly (string | undefined)[] {
  return [key, passphrase]
}

/** OpenSSL's own words may quote what it was given. */
function check(parameter: string, what: string, read: () => unknown): void {
  try {
    read()
  } catch {
    throw new NsctlError('Invalid', `${parameter} is no ${what} as PEM`, { value: parameter })
  }
}
