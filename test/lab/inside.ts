/** Runs a file of tests inside a node, with Node and the repository that are bound into it. */
import { join } from 'node:path'
import { type LabNode, NODE_REPOSITORY } from './node.ts'

export interface InsideOptions {
  /** As a user of uid 1000 with a manager of its own, instead of as root. */
  readonly asUser?: boolean
  readonly env?: Readonly<Record<string, string>>
}

const USER = 'tester'
const UID = '1000'

/**
 * Runs `file` (relative to the repository) to its end and passes on what it prints, so that its totals count.
 * @throws with its exit code where that is not 0
 */
export async function runInside(node: LabNode, file: string, options: InsideOptions = {}): Promise<void> {
  const env = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`)
  const command = ['node', '--disable-warning=ExperimentalWarning', join(NODE_REPOSITORY, file)]
  const child = node.spawn([...(options.asUser ? await userPrefix(node) : ['env']), ...env, ...command], {
    stdio: 'inherit',
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`${file} in ${node.name} ended with ${code}`)
}

/** The root file system has that user; its manager is started where it does not run. */
async function userPrefix(node: LabNode): Promise<readonly string[]> {
  await node.run(['systemctl', 'start', `user@${UID}.service`])
  const user = [`--reuid=${UID}`, `--regid=${UID}`, '--init-groups']
  return [
    'setpriv',
    ...user,
    'env',
    `XDG_RUNTIME_DIR=/run/user/${UID}`,
    `HOME=/home/${USER}`,
    'NSCTL_LAB_SCOPE=user',
  ]
}
