/** The key of this machine as a Node, and what its programs are given, kept under that key for the next boot. */
import { join } from 'node:path'
import { nodeSeal } from '../agent/material/identity.ts'
import { MaterialKeep } from '../agent/material/keep.ts'
import type { NodeSeal } from '../agent/material/seal.ts'
import type { Logger } from '../core/logger.ts'
import { type Environment, runtimePathsOf } from './paths.ts'
import type { RuntimeChoice } from './runtimes.ts'

/** The machine's own identity. Only who runs the machine's units may go by it. */
const HOST_KEY_FILE = '/etc/ssh/ssh_host_ed25519_key'

export interface NodeKey {
  readonly seal: NodeSeal
  readonly keep: MaterialKeep
}

/** Reads nothing yet. */
export function nodeKeyOf(choice: RuntimeChoice, env: Environment, logger: Logger): NodeKey {
  const { stateDir } = runtimePathsOf(choice, env)
  const seal = nodeSeal({
    hostKeyFile: choice === 'systemd-system' ? HOST_KEY_FILE : undefined,
    ownFile: join(stateDir, 'node-identity'),
    logger,
  })
  return { seal, keep: new MaterialKeep({ dir: join(stateDir, 'materials'), seal }) }
}
