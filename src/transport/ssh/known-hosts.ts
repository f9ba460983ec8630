/** Files of known hosts, in OpenSSH's format (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). Pure. */
import { createHmac } from 'node:crypto'

export interface KnownHost {
  readonly marker?: 'cert-authority' | 'revoked'
  /** Whom it is about: patterns of names, or one name as `|1|salt|hash`. */
  readonly hosts: string
  /** `ssh-ed25519` */
  readonly type: string
  /** The key as it goes over the wire. */
  readonly key: Buffer
  /** `~/.ssh/known_hosts:12` */
  readonly where: string
}

const MARKERS: Readonly<Record<string, KnownHost['marker']>> = {
  '@cert-authority': 'cert-authority',
  '@revoked': 'revoked',
}

/** What a file says. Lines that are none are passed over, as OpenSSH does: one of them must not hide the others. */
export function parseKnownHosts(text: string, file: string): readonly KnownHost[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const entry = parseLine(line.trim(), `${file}:${index + 1}`)
    return entry === undefined ? [] : [entry]
  })
}

function parseLine(line: string, where: string): KnownHost | undefined {
  if (line === '' || line.startsWith('#')) return undefined
  const words = line.split(/[ \t]+/)
  const first = words[0] ?? ''
  const marker = MARKERS[first]
  if (marker !== undefined) words.shift()
  else if (first.startsWith('@')) return undefined
  const [hosts, type, blob] = words
  if (hosts === undefined || type === undefined || blob === undefined) return undefined
  const key = Buffer.from(blob, 'base64')
  if (typeOfKey(key) !== type) return undefined
  return { ...(marker === undefined ? {} : { marker }), hosts, type, key, where }
}

/** The kind that a key says it is of; undefined for what is no key. */
export function typeOfKey(key: Buffer): string | undefined {
  if (key.length < 4) return undefined
  const length = key.readUInt32BE(0)
  if (length === 0 || 4 + length > key.length) return undefined
  return key.subarray(4, 4 + length).toString('latin1')
}

/** The name under which a machine is known: `web-1`, `[web-1]:2222`. */
export function knownName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`
}

/** True where an entry is about `name`, as `knownName` gives it. */
export function isAbout({ hosts }: KnownHost, name: string): boolean {
  if (hosts.startsWith('|')) return isHashOf(hosts, name)
  let isMatched = false
  for (const pattern of hosts.toLowerCase().split(',')) {
    const isExcluded = pattern.startsWith('!')
    if (!matches(isExcluded ? pattern.slice(1) : pattern, name)) continue
    if (isExcluded) return false
    isMatched = true
  }
  return isMatched
}

/** `|1|salt|HMAC-SHA1(salt, name)`, both in base64. */
function isHashOf(hashed: string, name: string): boolean {
  const [, kind, salt = '', hash = ''] = hashed.split('|')
  if (kind !== '1') return false
  return createHmac('sha1', Buffer.from(salt, 'base64'))
    .update(name)
    .digest()
    .equals(Buffer.from(hash, 'base64'))
}

/** `*` is any text, `?` any one character; brackets are themselves, as in `[web-?]:2222`. Never takes longer than the lengths' product. */
function matches(pattern: string, name: string): boolean {
  let [at, from] = [0, 0]
  let [star, retry] = [-1, 0]
  while (from < name.length) {
    if (pattern[at] === '*') {
      star = at++
      retry = from
    } else if (pattern[at] === '?' || (at < pattern.length && pattern[at] === name[from])) {
      at++
      from++
    } else if (star >= 0) {
      at = star + 1
      from = ++retry
    } else return false
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}
