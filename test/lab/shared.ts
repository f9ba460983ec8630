/** Material that lies beside the repository and is no part of it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder `name` of $NSCTL_SHARED (`../shared` beside the repository where that is not set); undefined where there is none. */
export function sharedFolder(name: string): string | undefined {
  const root = process.env.NSCTL_SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url))
  const folder = join(root, name)
  return existsSync(folder) ? folder : undefined
}
