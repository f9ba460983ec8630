/** How a machine is reached over SSH, as people say it, and what the transport makes of it. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { NsctlError } from '../../core/errors.ts'
import type { Hop } from '../../transport/ssh/hop.ts'
import type { HostKeyPolicy } from '../../transport/ssh/host-keys.ts'
import type { IdentitySettings } from '../../transport/ssh/identities.ts'
import type { Environment } from '../paths.ts'

export interface SshWords {
  /** `root@10.0.0.8:2222` */
  readonly target: string
  /** Servers on the way, from here to there, written like the target. */
  readonly jumps?: readonly string[]
  readonly identityFile?: string
  /** `SHA256:…`, or `ssh-ed25519 AAAA…`: of the target; those on the way are known by files. */
  readonly hostKey?: string
  /** Files of known hosts; those of OpenSSH where left out. */
  readonly knownHosts?: readonly string[]
}

/** @throws NsctlError Usage for what names no machine or user, or no key */
export function readReach(
  words: SshWords,
  env: Environment,
): { readonly target: Hop; readonly jumps: readonly Hop[] } {
  const home = env.HOME || homedir()
  const files = words.knownHosts ?? [
    join(home, '.ssh/known_hosts'),
    join(home, '.ssh/known_hosts2'),
    '/etc/ssh/ssh_known_hosts',
  ]
  const known: HostKeyPolicy = { kind: 'known-hosts', files }
  const identity: IdentitySettings = {
    ...(words.identityFile === undefined ? {} : { file: words.identityFile }),
    ...(env.SSH_AUTH_SOCK ? { agentSocket: env.SSH_AUTH_SOCK } : {}),
    defaultFiles: ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => join(home, '.ssh', name)),
  }
  const hop = (text: string, hostKey: HostKeyPolicy): Hop => ({ ...readTarget(text), identity, hostKey })
  return {
    target: hop(words.target, words.hostKey === undefined ? known : readHostKey(words.hostKey)),
    jumps: (words.jumps ?? []).map((text) => hop(text, known)),
  }
}

/** `user@host`, `user@host:port`, `user@[::1]:port`. @throws NsctlError Usage */
export function readTarget(text: string): {
  readonly user: string
  readonly host: string
  readonly port?: number
} {
  const [, user, bracketed, plain, digits] =
    /^([^@\s]+)@(?:\[([0-9a-fA-F:.%]+)\]|([^@\s:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = bracketed ?? plain
  const port = digits === undefined ? undefined : Number(digits)
  if (user === undefined || host === undefined || port === 0 || (port ?? 0) > 65_535)
    throw new NsctlError('Usage', `${JSON.stringify(text)} does not say whom to log in as, and where`, {
      value: text,
      next: 'write it like root@10.0.0.8, root@10.0.0.8:2222 or root@[fd00::8]:2222',
    })
  return { user, host, ...(port === undefined ? {} : { port }) }
}

function readHostKey(text: string): HostKeyPolicy {
  if (/^SHA256:[A-Za-z0-9+/]{43}=?$/.test(text)) return { kind: 'fingerprint', fingerprint: text }
  if (/^(?:ssh|ecdsa)-\S+ [A-Za-z0-9+/]+=*/.test(text)) return { kind: 'pinned', keys: [text] }
  throw new NsctlError('Usage', '--host-key is neither a fingerprint nor a public key', {
    value: text.slice(0, 80),
    next: 'give what ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub prints on the machine: SHA256:…',
  })
}
