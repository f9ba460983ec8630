/** Certificates for tests, made by openssl. */
import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

export const hasOpenssl = existsSync('/usr/bin/openssl')

export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Authority {
  /** Its own certificate. */
  readonly cert: string
  issue(name: string, options?: { readonly expired?: boolean }): Promise<Certificate>
}

async function openssl(directory: string, ...args: readonly string[]): Promise<void> {
  await promisify(execFile)('/usr/bin/openssl', args, { cwd: directory })
}

/** An authority of its own, in `directory`. Names are file names, and what a client is called. */
export async function makeAuthority(directory: string, name: string): Promise<Authority> {
  const path = (file: string) => join(directory, `${name}-${file}`)
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const [caKey, caCert] = [path('ca.key'), path('ca.crt')]
  const made = ['-keyout', caKey, '-out', caCert, '-days', '2', '-subj', `/CN=${name}`]
  await openssl(directory, 'req', '-x509', ...ec, ...made)
  // `openssl ca` is what takes an end that has passed
  writeFileSync(path('index'), '')
  writeFileSync(path('serial'), '1000')
  writeFileSync(
    path('config'),
    `[ca]
default_ca = it
[it]
database = ${path('index')}
serial = ${path('serial')}
new_certs_dir = ${directory}
default_md = sha256
policy = any
unique_subject = no
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = IP:127.0.0.1
extendedKeyUsage = serverAuth, clientAuth
`,
  )
  // its books take one entry at a time
  let turn: Promise<unknown> = Promise.resolve()
  return {
    cert: caCert,
    async issue(subject, { expired = false } = {}) {
      const [key, request, cert] = ['key', 'csr', 'crt'].map((end) => path(`${subject}.${end}`)) as [
        string,
        string,
        string,
      ]
      await openssl(directory, 'req', ...ec, '-keyout', key, '-out', request, '-subj', `/CN=${subject}`)
      const span = expired ? ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z'] : ['-days', '2']
      const signing = ['-config', path('config'), '-cert', caCert, '-keyfile', caKey, '-in', request]
      turn = turn.then(() => openssl(directory, 'ca', '-batch', '-notext', ...signing, '-out', cert, ...span))
      await turn
      return { cert, key }
    },
  }
}
