/** How a machine is reached over SSH: the same flags for every verb that does. */
import * as Flags from '@oclif/core/flags'
import type { SshWords } from '../main/ssh/reach.ts'

export const sshFlags = {
  ssh: Flags.string({
    helpValue: 'USER@HOST[:PORT]',
    required: true,
    summary: 'Where the machine is, and as whom to log in: root, or a user with sudo without a password.',
  }),
  'identity-file': Flags.string({
    helpValue: 'FILE',
    summary:
      'The key to log in with: a private key, or the public half of one that the agent holds. Those of the agent and of ~/.ssh if left out.',
  }),
  jump: Flags.string({
    helpValue: 'USER@HOST[:PORT]',
    multiple: true,
    multipleNonGreedy: true,
    summary: 'A server to go through; several in the order of the way there.',
  }),
  'host-key': Flags.string({
    helpValue: 'SHA256:…',
    summary: 'The fingerprint of the machine’s host key, or the key, where no file of known hosts has it.',
  }),
  'known-hosts': Flags.string({
    helpValue: 'FILE',
    multiple: true,
    multipleNonGreedy: true,
    summary: 'A file of known hosts; those of OpenSSH if left out.',
  }),
}

interface SshFlags {
  readonly ssh: string
  readonly 'identity-file': string | undefined
  readonly jump: readonly string[] | undefined
  readonly 'host-key': string | undefined
  readonly 'known-hosts': readonly string[] | undefined
}

/** What those flags say. */
export function sshWords(flags: SshFlags): SshWords {
  const { 'identity-file': identityFile, 'host-key': hostKey, 'known-hosts': knownHosts, jump } = flags
  return {
    target: flags.ssh,
    ...(jump === undefined ? {} : { jumps: jump }),
    ...(identityFile === undefined ? {} : { identityFile }),
    ...(hostKey === undefined ? {} : { hostKey }),
    ...(knownHosts === undefined ? {} : { knownHosts }),
  }
}
