/** Certificates for tests, made with openssl: an authority, and what it signs. */
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Authority {
  /** Its own certificate: whom to trust. */
  readonly ca: string
  /** @param days how long it is valid; -1 for one that has expired */
  sign(
    name: string,
    options?: { readonly addresses?: readonly string[]; readonly days?: number },
  ): Certificate
}

export function canMakeCertificates(): boolean {
  return existsSync('/usr/bin/openssl')
}

/** An authority of its own, with its files in `directory`. */
export function makeAuthority(directory: string, name = 'ca'): Authority {
  const file = (of: string) => join(directory, of)
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const ca = file(`${name}.pem`)
  const caKey = file(`${name}.key`)
  openssl('req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`, '-keyout', caKey, '-out', ca)
  return {
    ca,
    sign(subject, { addresses = ['127.0.0.1'], days = 2 } = {}) {
      const [cert, key, request, extensions] = ['pem', 'key', 'csr', 'ext'].map((end) =>
        file(`${name}-${subject}.${end}`),
      ) as [string, string, string, string]
      openssl('req', '-new', ...newKey, '-subj', `/CN=${subject}`, '-keyout', key, '-out', request)
      writeFileSync(extensions, `subjectAltName=${addresses.map((address) => `IP:${address}`).join(',')}\n`)
      const signing = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', String(days)]
      openssl('x509', '-req', '-in', request, '-out', cert, ...signing, '-extfile', extensions)
      return { cert, key }
    },
  }
}
