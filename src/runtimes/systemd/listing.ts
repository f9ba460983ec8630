/** The state of all units at one moment. */
import { isNsctlError } from '../../core/errors.ts'
import type { DbusConnection } from './dbus/connection.ts'
import type { DbusReader } from './dbus/reader.ts'
import { LISTED_SIGNATURE, type Listed, MANAGER, PROPERTIES_INTERFACE, SYSTEMD } from './interfaces.ts'
import type { ManagerEvents } from './manager.ts'
import { objectPathOfUnit, parseUnitName } from './names.ts'
import { toUnitChange, WANTED_AT_ONCE } from './properties.ts'

export interface Listing {
  readonly events: ManagerEvents
  /** Which units are listed. */
  readonly pattern: string
  /** Names by object path, of the units in systemd's memory: what is listed is added, and what is not there is not told of. */
  readonly units: Map<string, string>
}

/**
 * One call for the state of all units; of each, three small ones, sent together. Every answer is told as it arrives: what
 * systemd announces between two answers is newer than the first, and must not be undone by it.
 */
export async function listUnits(connection: DbusConnection, listing: Listing): Promise<void> {
  const { events, pattern, units } = listing
  let listed: readonly Listed[] = []
  const tell = (answer: DbusReader) => {
    listed = (answer.readAll(LISTED_SIGNATURE)[0] as Listed[]).filter(
      ([unit, , load]) => parseUnitName(unit) !== undefined && load !== 'not-found',
    )
    for (const [unit] of listed) units.set(objectPathOfUnit(unit), unit)
    events.all(
      new Map(
        listed.map(([unit, , , activeState, subState, , , job]) => [unit, { activeState, subState, job }]),
      ),
    )
  }
  await connection.call(MANAGER, 'ListUnitsByPatterns', 'asas', [[], [pattern]], tell)
  await Promise.all(listed.map(([unit]) => tellDetails(connection, unit, listing)))
}

async function tellDetails(
  connection: DbusConnection,
  unit: string,
  { events, units }: Listing,
): Promise<void> {
  const path = objectPathOfUnit(unit)
  const target = { destination: SYSTEMD, path, interface: PROPERTIES_INTERFACE }
  const ask = (name: string) =>
    connection.call(target, 'Get', 'ss', [`${SYSTEMD}.Service`, name], (answer) => {
      const change = toUnitChange(new Map([[name, answer.readAll('v')[0]!]]))
      // of a unit that is gone systemd answers for an empty one
      if (change !== undefined && units.has(path)) events.changed(unit, change)
    })
  await Promise.all(WANTED_AT_ONCE.map(ask)).catch((error: unknown) => {
    // collected between the two calls; its removal is announced
    if (!isNsctlError(error, 'Failed')) throw error
  })
}
