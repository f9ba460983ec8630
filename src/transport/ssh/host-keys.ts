/** Is this the machine that was meant? By its host key, against what was pinned or what is known. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { messageOf, NsctlError } from '../../core/errors.ts'
import { isAbout, type KnownHost, knownName, parseKnownHosts, typeOfKey } from './known-hosts.ts'

/** What a machine's key is held against. There is no policy that accepts any key. */
export type HostKeyPolicy =
  /** OpenSSH's files; what is missing is empty. */
  | { readonly kind: 'known-hosts'; readonly files: readonly string[] }
  /** `ssh-ed25519 AAAA…`: one of these. */
  | { readonly kind: 'pinned'; readonly keys: readonly string[] }
  /** `SHA256:…`, as ssh-keygen -l prints it. */
  | { readonly kind: 'fingerprint'; readonly fingerprint: string }

export interface HostKey {
  /** `ssh-ed25519` */
  readonly type: string
  /** `ssh-ed25519 AAAA…`: to be pinned. */
  readonly line: string
  readonly fingerprint: string
}

export interface HostKeyJudge {
  /** Kinds of keys by which the machine is known: a server that has several is to show one of these. */
  readonly types: readonly string[]
  /** Returns the key where it is the machine's. @throws NsctlError Denied */
  judge(key: Buffer): HostKey
}

export interface Machine {
  readonly host: string
  readonly port: number
}

/** @throws NsctlError Invalid for a policy that says nothing; Failed for a file that cannot be read */
export async function openJudge(policy: HostKeyPolicy, machine: Machine): Promise<HostKeyJudge> {
  switch (policy.kind) {
    case 'fingerprint':
      return judgeOf([], (key) => {
        if (key.fingerprint !== normalFingerprint(policy.fingerprint))
          throw changed(machine, key, `${policy.fingerprint} was expected`)
      })
    case 'pinned':
      return pinnedJudge(policy.keys, machine)
    case 'known-hosts':
      return knownHostsJudge(policy.files, machine)
  }
}

export function describeKey(key: Buffer): HostKey {
  const type = typeOfKey(key) ?? 'unknown'
  const hash = createHash('sha256').update(key).digest('base64').replace(/=+$/, '')
  return { type, line: `${type} ${key.toString('base64')}`, fingerprint: `SHA256:${hash}` }
}

function judgeOf(types: readonly string[], assert: (key: HostKey, raw: Buffer) => void): HostKeyJudge {
  return {
    types,
    judge(raw) {
      const key = describeKey(raw)
      assert(key, raw)
      return key
    },
  }
}

function pinnedJudge(lines: readonly string[], machine: Machine): HostKeyJudge {
  const pinned = lines.map((line) => {
    const [type = '', blob = ''] = line.trim().split(/\s+/)
    const key = Buffer.from(blob, 'base64')
    if (typeOfKey(key) !== type)
      throw new NsctlError('Invalid', `the host key pinned for ${machine.host} is no public key of ssh`, {
        value: line.slice(0, 80),
        next: 'give a line like ssh-ed25519 AAAA…, as in /etc/ssh/ssh_host_ed25519_key.pub',
      })
    return { type, key }
  })
  if (pinned.length === 0)
    throw new NsctlError('Invalid', `no host key is pinned for ${machine.host}`, { value: machine.host })
  const types = [...new Set(pinned.map(({ type }) => type))]
  return judgeOf(types, (shown, raw) => {
    if (!pinned.some(({ key }) => key.equals(raw)))
      throw changed(
        machine,
        shown,
        `${pinned.map(({ key }) => describeKey(key).fingerprint).join(' or ')} is pinned`,
      )
  })
}

async function knownHostsJudge(files: readonly string[], machine: Machine): Promise<HostKeyJudge> {
  const name = knownName(machine.host, machine.port)
  const texts = await Promise.all(files.map(async (file) => parseKnownHosts(await readIfThere(file), file)))
  const about = texts.flat().filter((entry) => isAbout(entry, name))
  const revoked = about.filter(({ marker }) => marker === 'revoked')
  const known = about.filter(({ marker }) => marker === undefined)
  const types = [...new Set(known.map(({ type }) => type))]
  return judgeOf(types, (shown, raw) => {
    const revocation = revoked.find(({ key }) => key.equals(raw))
    if (revocation !== undefined) throw isRevoked(machine, shown, revocation.where)
    if (known.some(({ key }) => key.equals(raw))) return
    if (known.length > 0) throw changed(machine, shown, knownAs(known))
    throw unknown({ machine, shown, name, about, file: files[0] })
  })
}

/** `SHA256:` may be left out, and so may the padding. */
function normalFingerprint(text: string): string {
  return `SHA256:${text
    .trim()
    .replace(/^SHA256:/i, '')
    .replace(/=+$/, '')}`
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    // going by the other files alone might overlook what is revoked
    throw new NsctlError('Failed', `${file} cannot be read: ${messageOf(error)}`, {
      value: file,
      cause: error,
    })
  }
}

function knownAs(known: readonly KnownHost[]): string {
  return known.map(({ key, where }) => `${describeKey(key).fingerprint} is known from ${where}`).join(', ')
}

function changed({ host, port }: Machine, { type, fingerprint }: HostKey, expected: string): NsctlError {
  return new NsctlError(
    'Denied',
    `THE HOST KEY OF ${host}:${port} IS NOT THE ONE THAT IT HAD: it shows ${fingerprint} (${type}), but ${expected}. Nothing was sent to it`,
    {
      value: fingerprint,
      next: 'somebody may stand between you and the machine. Only where you know that it got a new key (it was installed anew): compare the fingerprint with that of ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there, and replace the old one',
    },
  )
}

function isRevoked({ host, port }: Machine, { fingerprint }: HostKey, where: string): NsctlError {
  return new NsctlError('Denied', `the host key of ${host}:${port}, ${fingerprint}, is revoked by ${where}`, {
    value: fingerprint,
    next: 'whoever shows it may have stolen it: give the machine a new host key',
  })
}

interface Unknown {
  readonly machine: Machine
  readonly shown: HostKey
  readonly name: string
  readonly about: readonly KnownHost[]
  readonly file: string | undefined
}

function unknown({ machine: { host, port }, shown, name, about, file }: Unknown): NsctlError {
  const authority = about.find(({ marker }) => marker === 'cert-authority')
  const why =
    authority === undefined
      ? 'it is not known'
      : `it is known by a certificate authority only (${authority.where}), and certificates of hosts are not understood here`
  const line = `${name} ${shown.line}`
  return new NsctlError(
    'Denied',
    `the host key of ${host}:${port} is ${shown.fingerprint} (${shown.type}), and ${why}`,
    {
      value: shown.fingerprint,
      next: `compare it with ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub on the machine; where it is the same, give it (${shown.fingerprint}), or have it known from now on: echo '${line}' >>${file ?? '~/.ssh/known_hosts'}`,
    },
  )
}
