/** The age command, out of Debian's package, and ssh-keygen; nothing is installed. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { extractDeb } from './servers.ts'

export interface AgeCommand {
  /** Runs `age` with `input` and returns what it prints; throws with its words where it fails. */
  age(args: readonly string[], input: string | Uint8Array): Buffer
  /** Runs `age-keygen`. */
  keygen(args: readonly string[], input?: string): string
}

/** Fetched at the first use: some seconds. */
export async function ageCommand(): Promise<AgeCommand> {
  const folder = join(await extractDeb('bookworm', 'age'), 'usr/bin')
  const run = (program: string, args: readonly string[], input: string | Uint8Array): Buffer => {
    const { status, stdout, stderr, error } = spawnSync(join(folder, program), args, {
      input,
      maxBuffer: 1 << 26,
    })
    if (error !== undefined) throw error
    if (status !== 0) throw new Error(`${program} ${args[0] ?? ''} exits with ${status}: ${stderr}`)
    return stdout
  }
  return {
    age: (args, input) => run('age', args, input),
    keygen: (args, input = '') => run('age-keygen', args, input).toString('utf8'),
  }
}

/** Makes an ed25519 key at `path`, and its public half at `path`.pub. */
export async function sshKeygen(path: string, passphrase = ''): Promise<void> {
  const here = '/usr/bin/ssh-keygen'
  const program = existsSync(here) ? here : join(await extractDeb('bookworm', 'openssh-client'), here)
  const { status, stderr } = spawnSync(program, ['-t', 'ed25519', '-N', passphrase, '-q', '-f', path])
  if (status !== 0) throw new Error(`ssh-keygen exits with ${status}: ${stderr}`)
}
