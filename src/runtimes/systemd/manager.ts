/** What the runtime asks of systemd's manager, over D-Bus or, where there is no way to that, by systemctl. */

import { isNsctlError } from '../../core/errors.ts'

/** What is known of a unit; members that did not change or are not known are left out. */
export interface UnitChange {
  readonly activeState?: string
  readonly subState?: string
  /** What is queued or under way for it; 0 for nothing. */
  readonly job?: number
  readonly mainPid?: number
  /** Restarts since the last start that somebody asked for. */
  readonly restarts?: number
  /** `success`, `exit-code`, `signal`, `core-dump`, `oom-kill`, `timeout`, `resources`, `start-limit-hit` … */
  readonly result?: string
  readonly execPid?: number
  /** When the present or last process started and ended; microseconds of wall clock, 0 for never. */
  readonly execStartUs?: number
  readonly execExitUs?: number
  /** CLD_EXITED 1, CLD_KILLED 2, CLD_DUMPED 3. */
  readonly execCode?: number
  /** Exit status or signal number. */
  readonly execStatus?: number
}

export interface ManagerEvents {
  /** Something of a unit of ours changed. */
  changed(unit: string, change: UnitChange): void
  /** A unit of ours is said to be no longer in memory. False where that cannot be believed: then `all` is asked for. */
  removed(unit: string): boolean
  /** All units of ours, as of now: after opening, and whenever changes may have been missed. Others do not run. */
  all(units: ReadonlyMap<string, UnitChange>): void
}

export interface UnitManager {
  /** `252`, `257`. */
  readonly version: number
  /** The manager's own place in the cgroup tree: empty, or `/user.slice/…`. */
  readonly controlGroup: string
  /** Reads changed unit files anew. */
  reload(): Promise<void>
  /**
   * Asks for a start; resolves when the request is accepted. A request whose answer was lost is made again.
   * @throws NsctlError Failed where systemd refuses it, its name of the error in `value`
   */
  start(unit: string): Promise<void>
  /**
   * Asks for the start of all, where the manager can be asked so. Returns those that it has taken up; of the others nothing is
   * known, and they are to be asked for by `start`.
   */
  startAll?(units: readonly string[]): Promise<ReadonlySet<string>>
  /** Asks for a stop; a unit that is not there is no error. */
  stop(unit: string): Promise<void>
  /** Forgets failures, so that they do not count against the next start; a unit that is not there is no error. */
  resetFailed(unit: string): Promise<void>
  /** Sends a signal to a unit's processes, or to its main one; one that is not there is no error. */
  kill(unit: string, signal: number, whom: 'all' | 'main'): Promise<void>
  close(): Promise<void>
}

/** The name under which a manager reports, as the `value` of its error, a unit that has neither memory nor file. */
export const NO_SUCH_UNIT = 'org.freedesktop.systemd1.NoSuchUnit'

/** True where systemd does not know the unit, its file included. */
export function isMissingUnit(error: unknown): boolean {
  return isNsctlError(error, 'Failed') && error.value === NO_SUCH_UNIT
}
