/** Scripts as root on a machine over a transport, with sudo where its user is not root. */
import { NsctlError } from '../../core/errors.ts'
import { harmless } from '../../core/harmless.ts'
import type { CommandResult, Transport } from '../../transport/transport.ts'

export interface ScriptOptions {
  readonly signal: AbortSignal
  readonly stdin?: string | Uint8Array
}

export interface AdminShell {
  /** The machine, for people. */
  readonly name: string
  /** Runs a script with `words` as `$1` …; returns what it printed, control characters told by their codes. @throws NsctlError Failed with the machine's own words; Unreachable */
  run(script: string, words: readonly string[], options: ScriptOptions): Promise<string>
}

/** @throws NsctlError Denied where its user may not act as root there without a password */
export async function adminShell(transport: Transport, signal: AbortSignal): Promise<AdminShell> {
  const script = 'if [ "$(id -u)" = 0 ]; then echo root; else sudo -n true && echo sudo; fi'
  const result = await transport.run({ argv: ['/bin/sh', '-c', script] }, { signal })
  const way = result.stdout.toString().trim()
  if (way !== 'root' && way !== 'sudo')
    throw new NsctlError('Denied', `${transport.name} does not let us act as root: ${wordsOf(result)}`, {
      value: transport.name,
      next: 'log in as root, or allow this user sudo without a password',
    })
  const prefix = way === 'root' ? [] : ['sudo', '-n', '--']
  return {
    name: transport.name,
    async run(text, words, options) {
      const [program = '', ...args] = [...prefix, '/bin/sh', '-c', text, 'nsctl-bootstrap', ...words]
      const ended = await transport.run({ argv: [program, ...args] }, options)
      if (ended.exitCode === 0) return harmless(ended.stdout.toString())
      throw new NsctlError('Failed', `${transport.name}: ${wordsOf(ended)}`, { value: transport.name })
    },
  }
}

function wordsOf({ stderr, exitCode, signal }: CommandResult): string {
  return harmless(stderr.toString()).trim() || `the command ended with ${exitCode ?? signal}`
}
