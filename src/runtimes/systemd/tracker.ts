/**
 * What is known of every program, made of what systemd announces. Units are collected as soon as they end, so an exit is
 * known only from the announcement before: it is kept here. No I/O.
 */
import type { Clock } from '../../core/clock.ts'
import { deepEqual } from '../../core/json.ts'
import {
  type ObservedProgram,
  type ProgramExit,
  type ProgramId,
  type ProgramState,
  programKey,
} from '../runtime.ts'
import { failedBefore, toProgramExit } from './exits.ts'
import type { UnitChange } from './manager.ts'
import { parseUnitName, unitName } from './names.ts'

/** What outlives a restart of nsctl: systemd forgets it with the unit. */
export interface Remembered {
  readonly id: ProgramId
  /** Of runs that systemd no longer counts. */
  readonly restarts: number
  /** What systemd counted when this was written; undefined where it did not run. */
  readonly counted?: number
  readonly lastExit?: ProgramExit
}

interface Entry {
  readonly id: ProgramId
  unit: UnitChange
  /** In systemd's memory. */
  loaded: boolean
  /** Starts whose acceptance is not known yet. What is heard meanwhile of an end is about the run before. */
  pendingStarts: number
  /** It was heard to begin before the answer to a pending start was: then its end was, too, where it is gone by then. */
  begunWhilePending: boolean
  /** It is dead and has been for long enough that it is not just on its way to a restart. */
  settled: boolean
  /** When the process started that the last restart is to replace; systemd counts it before it happens, and even where it does not. */
  replacedStartUs: number | undefined
  /** A start was accepted and nothing has been heard of it yet. */
  accepted: boolean
  /** Restarts of earlier runs, which systemd no longer counts. */
  earlierRestarts: number
  lastExit: ProgramExit | undefined
  /** Its present process was seen running, past everything that systemd prepares. */
  reached: boolean
  /** The machine's pid of a program in a container; undefined for any other, whose unit's main process it is. */
  containedPid: number | undefined
  observed: ObservedProgram | undefined
}

/** What systemd does not say of a unit. */
export interface BesideSystemd {
  /** Where systemd does not know that a SIGKILL was for want of memory. */
  readonly wasOomKilled?: ((unit: string) => boolean) | undefined
  /** The pid of a program that is not its unit's main process, as of now. */
  readonly containedPid?: (id: ProgramId) => number | undefined
}

/** Long, since only units that somebody holds on to need it: others are removed at once. */
const SETTLE_MS = 1_000

/** States in which a unit has processes, or may have. */
const ALIVE: ReadonlySet<string> = new Set([
  'active',
  'activating',
  'deactivating',
  'reloading',
  'refreshing',
])

/** What a unit is first after it was started. */
const BEGUN: ReadonlySet<string> = new Set(['activating', 'active'])

export class ProgramTracker {
  readonly #clock: Clock
  readonly #beside: BesideSystemd
  readonly #entries = new Map<string, Entry>()
  readonly #observed = new Map<string, ObservedProgram>()
  readonly #listeners = new Set<(key: string) => void>()

  constructor(clock: Clock, beside: BesideSystemd = {}) {
    this.#clock = clock
    this.#beside = beside
  }

  observe(): ReadonlyMap<string, ObservedProgram> {
    return this.#observed
  }

  onChange(listener: (key: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What an earlier process of ours had seen. Before anything else. */
  remember(memories: Iterable<Remembered>): void {
    for (const { id, restarts, lastExit } of memories) {
      const entry = this.#entry(id)
      entry.earlierRestarts = restarts
      entry.lastExit = lastExit
      this.#publish(entry)
    }
  }

  /** What should outlive this process. */
  memories(): readonly Remembered[] {
    return [...this.#entries.values()].map(({ id, earlierRestarts, lastExit, loaded, unit }) => ({
      id,
      restarts: earlierRestarts,
      ...(loaded ? { counted: unit.restarts ?? 0 } : {}),
      ...(lastExit === undefined ? {} : { lastExit }),
    }))
  }

  /** Ids of which a process ended after `memories` were written, unseen. */
  missedSince(memories: readonly Remembered[]): readonly ProgramId[] {
    return memories
      .filter(({ id, counted }) => {
        const entry = this.#entries.get(programKey(id))
        return counted !== undefined && (!entry?.loaded || (entry.unit.restarts ?? 0) !== counted)
      })
      .map(({ id }) => id)
  }

  /** systemd has it in memory: it runs, is about to, or is just ending. */
  isLoaded(id: ProgramId): boolean {
    return this.#entries.get(programKey(id))?.loaded === true
  }

  startRequested(id: ProgramId): void {
    const entry = this.#entry(id)
    if (entry.pendingStarts++ === 0) entry.begunWhilePending = false
    this.#publish(entry)
  }

  startAnswered(id: ProgramId, accepted: boolean): void {
    const entry = this.#entry(id)
    entry.pendingStarts--
    entry.accepted = accepted && (entry.loaded || !entry.begunWhilePending)
    this.#publish(entry)
  }

  changed(unit: string, change: UnitChange): void {
    const id = parseUnitName(unit)
    if (id === undefined) return
    // the last words of a unit that was forgotten are not the first of a new one
    if (!this.#entries.has(programKey(id)) && !isAlive(change)) return
    const entry = this.#entry(id)
    const before = entry.unit
    entry.loaded = true
    // of the two signals about one change, the one about the service comes first and says nothing of its state
    if (change.activeState !== undefined) entry.accepted = false
    if (entry.pendingStarts > 0 && BEGUN.has(change.activeState ?? '')) entry.begunWhilePending = true
    entry.unit = { ...before, ...change }
    noteRestarts(entry, before)
    this.#noteExit(entry, before)
    if (entry.unit.activeState === 'active') {
      entry.reached = true
      if (change.activeState !== undefined || change.mainPid !== undefined)
        entry.containedPid = this.#beside.containedPid?.(id)
    }
    this.#awaitSettling(entry)
    this.#publish(entry)
  }

  /**
   * On its way from a crash to its restart a unit passes through death, and systemd sometimes says so. One that stays dead is
   * collected at once, unless somebody holds on to it.
   */
  #awaitSettling(entry: Entry): void {
    const { unit } = entry
    entry.settled = false
    if (!isDead(unit)) return
    this.#clock.schedule(SETTLE_MS, () => {
      if (!entry.loaded || entry.unit !== unit) return
      entry.settled = true
      this.#publish(entry)
    })
  }

  /**
   * systemd lets no unit go that is alive or about to be. When it executes itself anew it says so of all the same; and of a unit
   * that ended a moment ago it may say nothing before. False where only the list of all units can tell which it was.
   */
  removed(unit: string): boolean {
    const id = parseUnitName(unit)
    const entry = id && this.#entries.get(programKey(id))
    if (entry?.loaded && (ALIVE.has(entry.unit.activeState ?? '') || entry.unit.job)) return false
    if (entry !== undefined) this.#remove(entry)
    return true
  }

  #remove(entry: Entry): void {
    if (!(entry.loaded || entry.accepted)) return
    entry.loaded = false
    entry.accepted = false
    entry.earlierRestarts += restartsOf(entry)
    entry.unit = {}
    this.#publish(entry)
  }

  all(units: ReadonlyMap<string, UnitChange>): void {
    for (const entry of this.#entries.values()) {
      if (!units.has(unitName(entry.id))) this.#remove(entry)
    }
    for (const [unit, change] of units) this.changed(unit, change)
  }

  /** An exit that was missed and learned of from elsewhere. */
  exitLearned(id: ProgramId, exit: ProgramExit): void {
    const entry = this.#entry(id)
    entry.lastExit = exit
    this.#publish(entry)
  }

  /** Drops an id that does not run; one that runs stays. */
  forget(id: ProgramId): boolean {
    const key = programKey(id)
    const entry = this.#entries.get(key)
    if (entry === undefined || (entry.observed !== undefined && entry.observed.state !== 'exited'))
      return false
    this.#entries.delete(key)
    if (this.#observed.delete(key)) this.#announce(key)
    return true
  }

  #entry(id: ProgramId): Entry {
    const key = programKey(id)
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      const { namespace, service, templateHash, ordinal, program } = id
      entry = {
        id: { namespace, service, templateHash, ordinal, program },
        unit: {},
        loaded: false,
        pendingStarts: 0,
        begunWhilePending: false,
        accepted: false,
        settled: true,
        replacedStartUs: undefined,
        earlierRestarts: 0,
        lastExit: undefined,
        reached: false,
        containedPid: undefined,
        observed: undefined,
      }
      this.#entries.set(key, entry)
    }
    return entry
  }

  #noteExit(entry: Entry, before: UnitChange): void {
    const { unit } = entry
    const atUs = unit.execExitUs ?? 0
    if (atUs > 0 && (atUs !== before.execExitUs || unit.execPid !== before.execPid)) {
      const exit = toProgramExit({
        code: unit.execCode ?? 0,
        status: unit.execStatus ?? 0,
        result: unit.result ?? '',
        atMs: Math.round(atUs / 1000),
        duringSetup: !entry.reached,
      })
      const oom =
        exit.reason === 'signal' &&
        exit.signal === 'SIGKILL' &&
        this.#beside.wasOomKilled?.(unitName(entry.id)) === true
      entry.lastExit = oom ? { ...exit, reason: 'oom-kill' } : exit
      entry.reached = false
    } else if (unit.activeState === 'failed' && before.activeState !== 'failed' && atUs === 0) {
      entry.lastExit = failedBefore(unit.result ?? 'unknown', this.#clock.now())
    }
  }

  #publish(entry: Entry): void {
    const observed = observe(entry)
    if (deepEqual(observed, entry.observed)) return
    entry.observed = observed
    const key = programKey(entry.id)
    this.#observed.set(key, observed)
    this.#announce(key)
  }

  #announce(key: string): void {
    for (const listener of this.#listeners) listener(key)
  }
}

/** systemd counts anew after a start that was asked for; ours only grows. */
function noteRestarts(entry: Entry, before: UnitChange): void {
  const [now, then] = [entry.unit.restarts ?? 0, before.restarts ?? 0]
  if (now < then) entry.earlierRestarts += then
  if (now > then && before.execStartUs !== undefined) entry.replacedStartUs = before.execStartUs
}

/** Restarts since the last start that was asked for, once they have happened. */
function restartsOf({ unit, replacedStartUs }: Entry): number {
  const counted = unit.restarts ?? 0
  return counted > 0 && replacedStartUs !== undefined && unit.execStartUs === replacedStartUs
    ? counted - 1
    : counted
}

function observe(entry: Entry): ObservedProgram {
  const { unit } = entry
  const state = stateOf(entry)
  const lives = state === 'running' || state === 'stopping'
  return {
    id: entry.id,
    state,
    ...(lives && unit.mainPid ? { pid: entry.containedPid ?? unit.mainPid } : {}),
    ...(lives && unit.execStartUs ? { startedAtMs: Math.round(unit.execStartUs / 1000) } : {}),
    restarts: entry.earlierRestarts + restartsOf(entry),
    ...(entry.lastExit === undefined ? {} : { lastExit: entry.lastExit }),
  }
}

function isAlive(change: UnitChange): boolean {
  return change.activeState === undefined ? (change.mainPid ?? 0) > 0 : !isDead(change)
}

/** Neither alive nor about to be: a unit whose start is queued is inactive too. */
function isDead({ activeState, job = 0 }: UnitChange): boolean {
  return (activeState === 'inactive' || activeState === 'failed') && job === 0
}

function stateOf({ unit, loaded, settled, pendingStarts, accepted, observed }: Entry): ProgramState {
  switch (loaded ? unit.activeState : undefined) {
    case 'active':
    case 'reloading':
    case 'refreshing':
      return 'running'
    case 'activating':
      return 'starting'
    case 'deactivating':
      return 'stopping'
    default:
      if (pendingStarts > 0 || accepted || (loaded && unit.job)) return 'starting'
      return loaded && !settled ? (observed?.state ?? 'starting') : 'exited'
  }
}
