/** How systemd is addressed over D-Bus, and the shape in which it lists units. */
import type { CallTarget } from './dbus/connection.ts'

export const SYSTEMD = 'org.freedesktop.systemd1'

export const MANAGER: CallTarget = {
  destination: SYSTEMD,
  path: '/org/freedesktop/systemd1',
  interface: `${SYSTEMD}.Manager`,
}

export const PROPERTIES_INTERFACE = 'org.freedesktop.DBus.Properties'

/** A list of `Listed`. */
export const LISTED_SIGNATURE = 'a(ssssssouso)'

/** Name, description, load state, active state, sub state, followed, object path, job … */
export type Listed = readonly [string, string, string, string, string, string, string, number]
