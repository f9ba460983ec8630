/** Exits that nobody of ours saw, learned from what systemd wrote in the journal. */

import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { type ProgramExit, type ProgramId, programKey } from '../runtime.ts'
import type { ManagerScope } from './dbus/address.ts'
import { toProgramExit } from './exits.ts'
import { type Journal, type JournalEntry, readJournal, unitFields } from './journal.ts'
import { unitName } from './names.ts'
import type { ProgramTracker, Remembered } from './tracker.ts'

/** systemd's catalogue: a unit was started; a process of it ended; it failed; it ended well (a user's manager does not say so). */
const UNIT_STARTED = '39f53479d3a045ac8e11786248231fbf'
const PROCESS_EXIT = '98e322203f7a4ed290d09fe03c09fe15'
const UNIT_FAILED = 'd9b373ed55a64feb8242e02dbe79a49c'
const UNIT_SUCCEEDED = '7ad2d189f7e94e70a38c781354912448'
const CODES: Readonly<Record<string, number>> = { exited: 1, killed: 2, dumped: 3 }

export interface LearnOptions {
  readonly scope: ManagerScope
  readonly nowMs: number
  /** This machine's where left out. */
  readonly journal?: Journal
  /** Whether it runs again. */
  readonly runs: (id: ProgramId) => boolean
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** Tells `tracker` of the exits that it has missed since `memories` were written. */
export async function learnMissed(
  tracker: Pick<ProgramTracker, 'missedSince' | 'isLoaded' | 'exitLearned'>,
  memories: readonly Remembered[],
  options: Omit<LearnOptions, 'runs'>,
): Promise<void> {
  const runs = (id: ProgramId) => tracker.isLoaded(id)
  const exits = await learnExits(tracker.missedSince(memories), { ...options, runs })
  for (const memory of memories) {
    const exit = exits.get(programKey(memory.id))
    if (exit !== undefined) tracker.exitLearned(memory.id, exit)
  }
}

/** The last exit of each id, as far as the journal knows it; `lost` where it does not. */
export async function learnExits(
  ids: readonly ProgramId[],
  options: LearnOptions,
): Promise<ReadonlyMap<string, ProgramExit>> {
  const found = new Map<string, ProgramExit>()
  if (ids.length === 0) return found
  const { scope, nowMs, runs, logger, signal, journal = readJournal } = options
  const field = unitFields(scope).manager
  const entries = new Map<string, JournalEntry[]>(ids.map((id) => [unitName(id), []]))
  const matches = [...entries.keys()].map((unit) => `${field}=${unit}`)
  const fields = [field, 'MESSAGE_ID', 'EXIT_CODE', 'EXIT_STATUS', 'UNIT_RESULT']
  try {
    for await (const entry of journal({ scope, matches, fields, options: ['--boot'] }, signal))
      entries.get(entry[field] ?? '')?.push(entry)
  } catch (error) {
    signal.throwIfAborted()
    logger.log('warn', 'exits during our absence are not known', { error: messageOf(error) })
  }
  for (const id of ids) {
    const told = entries.get(unitName(id)) ?? []
    const exit = runs(id) ? exitBefore(told) : lastExit(told, nowMs)
    if (exit !== undefined) found.set(programKey(id), exit)
  }
  return found
}

/** The last time that a process of it ended. */
function exitBefore(entries: readonly JournalEntry[], from = 0): ProgramExit | undefined {
  const index = entries.findLastIndex(({ MESSAGE_ID }) => MESSAGE_ID === PROCESS_EXIT)
  const entry = entries[index]
  if (entry === undefined || index < from) return undefined
  const failed = entries.slice(index).find(({ MESSAGE_ID }) => MESSAGE_ID === UNIT_FAILED)
  return toProgramExit({
    code: CODES[entry.EXIT_CODE ?? ''] ?? 0,
    status: Number(entry.EXIT_STATUS ?? 0),
    result: failed?.UNIT_RESULT ?? '',
    atMs: timeOf(entry),
    duringSetup: false,
  })
}

/** How its last run ended; a run that began and of whose end nothing bad is said ended well. */
function lastExit(entries: readonly JournalEntry[], nowMs: number): ProgramExit {
  const started = entries.findLastIndex(({ MESSAGE_ID }) => MESSAGE_ID === UNIT_STARTED)
  const exit = exitBefore(entries, started)
  if (exit !== undefined) return exit
  if (started < 0) return { reason: 'lost', atMs: nowMs, message: 'ended while nsctl was not running' }
  const ended = entries.slice(started).find(({ MESSAGE_ID }) => MESSAGE_ID === UNIT_SUCCEEDED)
  return { reason: 'success', exitCode: 0, atMs: ended === undefined ? nowMs : timeOf(ended) }
}

function timeOf(entry: JournalEntry): number {
  return Math.round(Number(entry.__REALTIME_TIMESTAMP ?? 0) / 1000)
}
