/** The properties of systemd's units that say how a program is. */
import type { DbusValue } from './dbus/writer.ts'
import type { UnitChange } from './manager.ts'

const MEMBERS: Readonly<Record<string, keyof UnitChange>> = {
  ActiveState: 'activeState',
  SubState: 'subState',
  Job: 'job',
  MainPID: 'mainPid',
  NRestarts: 'restarts',
  Result: 'result',
  ExecMainPID: 'execPid',
  ExecMainStartTimestamp: 'execStartUs',
  ExecMainExitTimestamp: 'execExitUs',
  ExecMainCode: 'execCode',
  ExecMainStatus: 'execStatus',
}

export const PROPERTIES: ReadonlySet<string> = new Set(Object.keys(MEMBERS))
/** What a list of units does not say and is asked for one by one. */
export const WANTED_AT_ONCE = ['MainPID', 'NRestarts', 'ExecMainStartTimestamp'] as const

const TEXTS: ReadonlySet<string> = new Set(['ActiveState', 'SubState', 'Result'])

/** A job is given with its object path, by systemctl as nothing where there is none. */
function toNumber(value: DbusValue): number {
  return Number(Array.isArray(value) ? value[0] : value)
}

/** Undefined where nothing of interest is among the properties. */
export function toUnitChange(properties: ReadonlyMap<string, DbusValue | string>): UnitChange | undefined {
  let change: Record<string, string | number> | undefined
  for (const [name, value] of properties) {
    const member = MEMBERS[name]
    if (member === undefined) continue
    change ??= {}
    change[member] = TEXTS.has(name) ? String(value) : toNumber(value)
  }
  return change as UnitChange | undefined
}
