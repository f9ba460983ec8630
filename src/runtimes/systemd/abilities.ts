/** What of a ProgramSpec does not act here. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ManagerScope } from './dbus/address.ts'

/** Fields as users know them, by the cgroup controller that they need. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  cpu: ['resources.cpu', 'limits.cpu'],
  memory: ['resources.memory'],
  pids: ['limits.tasks'],
}

/**
 * The system manager does everything. A user's manager has the controllers that it was delegated (none under cgroup version 1), and
 * cannot bind storage or files to a path: $STORAGE_<NAME>, $CREDENTIALS_DIRECTORY and $CONFIG_<NAME> say where they are.
 */
export async function whatCannot(scope: ManagerScope, controlGroup: string): Promise<readonly string[]> {
  if (scope === 'system') return []
  const file = join('/sys/fs/cgroup', controlGroup, 'cgroup.controllers')
  const delegated = (await readFile(file, 'utf8').catch(() => '')).trim().split(/\s+/)
  const missing = Object.entries(NEEDS).filter(([controller]) => !delegated.includes(controller))
  return [...missing.flatMap(([, fields]) => fields), 'storage.path', 'secrets.path', 'configs.path']
}
