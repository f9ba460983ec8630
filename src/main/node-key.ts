/** The key of this machine as a Node, and what its programs are given, kept under that key for the next boot. */
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
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
  const { ownFile, keptDir } = placesOf(choice, env)
  const seal = nodeSeal({
    hostKeyFile: choice === 'systemd-system' ? HOST_KEY_FILE : undefined,
    ownFile,
    logger,
  })
  return { seal, keep: new MaterialKeep({ dir: keptDir, seal }) }
}

/** For a machine that is given up: removes what is kept of its programs, and with `purge` its key. Returns what is left, a line each. */
export async function removeNodeKey(
  choice: RuntimeChoice,
  env: Environment,
  purge: boolean,
): Promise<readonly string[]> {
  const { ownFile, keptDir } = placesOf(choice, env)
  await rm(keptDir, { recursive: true, force: true })
  if (purge) await rm(ownFile, { force: true })
  return existsSync(ownFile) ? [`${ownFile}: this machine's key, to which Secrets are sealed for it`] : []
}

function placesOf(
  choice: RuntimeChoice,
  env: Environment,
): { readonly ownFile: string; readonly keptDir: string } {
  const { stateDir } = runtimePathsOf(choice, env)
  return { ownFile: join(stateDir, 'node-identity'), keptDir: join(stateDir, 'materials') }
}
