/** Connects to a machine as people said that it is reached. */
import type { Clock } from '../../core/clock.ts'
import type { SshTransport } from '../../transport/ssh/transport.ts'
import type { Environment } from '../paths.ts'
import { readReach, type SshWords } from './reach.ts'

/** @throws NsctlError Usage; Denied, with its fingerprint, for a machine that is not known; Unreachable */
export async function openReach(
  words: SshWords,
  { env, clock, signal }: { readonly env: Environment; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<SshTransport> {
  const reach = readReach(words, env)
  const { openSshTransport } = await import('../../transport/ssh/transport.ts')
  return openSshTransport({ ...reach, clock, signal })
}
