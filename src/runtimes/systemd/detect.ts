/** Is there a systemd that this process may use? */
import { existsSync } from 'node:fs'
import { silentLogger } from '../../core/logger.ts'
import { endpoints, type ManagerScope } from './dbus/address.ts'
import { openDbusManager } from './dbus-manager.ts'

const DETECT_LIMIT_MS = 3_000

export interface FoundSystemd {
  readonly scope: ManagerScope
  readonly version: number
}

/** The system's manager for root, the user's own for others; undefined where none answers. Spawns nothing. */
export async function detectSystemd(): Promise<FoundSystemd | undefined> {
  if (process.platform !== 'linux' || !existsSync('/run/systemd/system')) return undefined
  const scope: ManagerScope = process.getuid?.() === 0 ? 'system' : 'user'
  if (!endpoints(scope, process.env).some(({ socketPath }) => existsSync(socketPath))) return undefined
  const ignore = () => {}
  const events = { changed: ignore, removed: () => true, all: ignore }
  const signal = AbortSignal.timeout(DETECT_LIMIT_MS)
  try {
    const manager = await openDbusManager({ scope, events, logger: silentLogger, signal })
    const { version } = manager
    await manager.close()
    return { scope, version }
  } catch {
    // a container's leftovers, or a manager of another user
    return undefined
  }
}
