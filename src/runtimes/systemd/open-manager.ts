/** The way to systemd: D-Bus, or systemctl where there is no way to that. */
import { isNsctlError } from '../../core/errors.ts'
import { type DbusManagerOptions, openDbusManager } from './dbus-manager.ts'
import type { UnitManager } from './manager.ts'
import { openSystemctlManager } from './systemctl-manager.ts'

/** @throws Unreachable where neither answers */
export async function openManager(options: DbusManagerOptions): Promise<UnitManager> {
  try {
    return await openDbusManager(options)
  } catch (error) {
    if (!isNsctlError(error, 'Unreachable')) throw error
    options.logger.log('warn', 'no way to systemd over D-Bus: using systemctl, which sees changes later', {
      reason: error.message,
    })
    return openSystemctlManager(options)
  }
}
