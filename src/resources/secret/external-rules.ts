/** Rules of Secrets whose values are kept elsewhere. */
import { X509Certificate } from 'node:crypto'
import type { Path } from '../../core/json.ts'
import { parseDurationMs } from '../../core/quantity.ts'
import type { Secret, SecretExternal, SecretKeyRef, SecretVault } from '../generated/types.ts'
import type { FieldIssue } from '../kinds.ts'
import { quote } from '../validation/words.ts'

/** Names of keys: they become file names and parts of them. */
export const SECRET_KEY = /^[-._a-zA-Z0-9]+$/

const EXTERNAL: Path = ['spec', 'external']
const VAULT: Path = [...EXTERNAL, 'vault']
const LEAST_REFRESH_MS = 5_000
const MOST_REFRESH_MS = 24 * 36e5

/** Adds what is wrong with `spec.external`, where there is one. */
export function checkExternal(issues: FieldIssue[], { metadata, spec }: Secret): void {
  const { external } = spec
  if (external === undefined) return
  if (spec.sealed !== undefined)
    issues.push({ path: EXTERNAL, message: 'cannot stand beside sealed: give one of the two' })
  checkRefresh(issues, external.refresh)
  checkItems(issues, external.items)
  if (external.vault === undefined)
    issues.push({ path: EXTERNAL, message: 'needs vault: where the values are' })
  else checkVault(issues, external.vault, metadata.name)
}

function checkRefresh(issues: FieldIssue[], refresh: string | undefined): void {
  if (refresh === undefined) return
  const everyMs = parseDurationMs(refresh)
  if (everyMs >= LEAST_REFRESH_MS && everyMs <= MOST_REFRESH_MS) return
  const limit = everyMs > MOST_REFRESH_MS ? 'at most 24h' : 'at least 5s'
  issues.push({
    path: [...EXTERNAL, 'refresh'],
    message: `must be ${limit}, not ${quote(refresh)}`,
    value: refresh,
  })
}

function checkItems(issues: FieldIssue[], items: SecretExternal['items'] = []): void {
  const first = new Map<string, number>()
  for (const [index, { from, key = from }] of items.entries()) {
    const path: Path = [...EXTERNAL, 'items', index]
    const earlier = first.get(key)
    if (earlier !== undefined)
      issues.push({ path, message: `makes the key ${quote(key)}, and so does items[${earlier}]`, value: key })
    else first.set(key, index)
    if (!SECRET_KEY.test(key))
      issues.push({
        path: [...path, 'key'],
        message: `must be of letters, digits, -, _ and ., not ${quote(key)}`,
        value: key,
      })
  }
}

function checkVault(issues: FieldIssue[], vault: SecretVault, name: string): void {
  checkAddress(issues, vault)
  checkNamespace(issues, vault.namespace)
  checkSegments(issues, [...VAULT, 'mount'], vault.mount)
  checkSegments(issues, [...VAULT, 'path'], vault.path)
  checkCertificate(issues, vault.caCert)
  checkAuth(issues, vault.auth, name)
}

function checkAddress(issues: FieldIssue[], { address, insecureHttp }: SecretVault): void {
  const path: Path = [...VAULT, 'address']
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined) {
    issues.push({ path, message: 'must be an address such as https://vault.example.org:8200' })
    return
  }
  // not repeated: somebody may have written a password there
  if (url.username !== '' || url.password !== '')
    issues.push({ path, message: 'must hold no user and no password: credentials belong into auth' })
  else if (url.search !== '' || url.hash !== '')
    issues.push({ path, message: 'must end with the path: no query, no #', value: address })
  if (url.protocol === 'http:' && insecureHttp !== true && !isLoopback(url.hostname))
    issues.push({
      path,
      message:
        'must begin with https://: over http:// whoever listens on the way reads the token and the values (insecureHttp: true allows it)',
    })
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** It is sent as a header. */
function checkNamespace(issues: FieldIssue[], namespace: string | undefined): void {
  if (namespace === undefined || /^[\x21-\x7e]+$/.test(namespace)) return
  issues.push({
    path: [...VAULT, 'namespace'],
    message: 'must be of letters, digits and signs of ASCII, and not empty',
    value: namespace,
  })
}

/** Parts of a path in Vault's api, where `.` and `..` would lead elsewhere. */
function checkSegments(issues: FieldIssue[], path: Path, text: string | undefined): void {
  if (text === undefined) return
  const parts = text.split('/')
  const message = parts.includes('')
    ? 'must not begin or end with /, nor have // in it'
    : parts.some((part) => part.endsWith('.'))
      ? 'must have no part that ends with a full stop: Vault knows no such path'
      : /\p{Cc}/u.test(text)
        ? 'must have no control characters'
        : undefined
  if (message !== undefined) issues.push({ path, message, value: text })
}

function checkCertificate(issues: FieldIssue[], pem: string | undefined): void {
  if (pem === undefined) return
  const path: Path = [...VAULT, 'caCert']
  // whoever may read the store can read this
  if (/PRIVATE KEY/.test(pem))
    issues.push({ path, message: 'must hold certificates only, and holds a private key' })
  else if (!isCertificate(pem)) issues.push({ path, message: 'must be a certificate in PEM' })
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined
  } catch {
    return false
  }
}

function checkAuth(issues: FieldIssue[], auth: SecretVault['auth'], name: string): void {
  const path: Path = [...VAULT, 'auth']
  const { token, appRole } = auth ?? {}
  if (token !== undefined && appRole !== undefined)
    issues.push({ path: [...path, 'appRole'], message: 'cannot stand beside token: give one of the two' })
  if (token === undefined && appRole === undefined)
    issues.push({ path, message: 'needs token or appRole: how to log in to Vault' })
  checkSegments(issues, [...path, 'appRole', 'mount'], appRole?.mount)
  checkRef(issues, [...path, 'token'], token, name)
  checkRef(issues, [...path, 'appRole', 'secretId'], appRole?.secretId, name)
}

function checkRef(issues: FieldIssue[], path: Path, ref: SecretKeyRef | undefined, name: string): void {
  if (ref?.name === name)
    issues.push({
      path: [...path, 'name'],
      message: 'must be another Secret: this one is what is to be fetched with it',
      value: name,
    })
}
