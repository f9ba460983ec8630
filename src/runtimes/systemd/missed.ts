/** Exits that nobody of ours saw, learned from what systemd wrote in the journal. */

import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { type ProgramExit, type ProgramId, programKey } from '../runtime.ts'
import type { ManagerScope } from './dbus/address.ts'
import { toProgramExit } from './exits.ts'
import { type JournalEntry, readJournal, unitFields } from './journal.ts'
import { unitName } from './names.ts'

/** systemd's catalogue: a process of a unit ended; a unit failed; a unit ended well. */
const PROCESS_EXIT = '98e322203f7a4ed290d09fe03c09fe15'
const UNIT_FAILED = 'd9b373ed55a64feb8242e02dbe79a49c'
const UNIT_SUCCEEDED = '7ad2d189f7e94e70a38c781354912448'
const CODES: Readonly<Record<string, number>> = { exited: 1, killed: 2, dumped: 3 }

/** The last exit of each id, as far as the journal knows it; `lost` where it does not. */
export async function learnExits(
  ids: readonly ProgramId[],
  options: {
    readonly scope: ManagerScope
    readonly nowMs: number
    readonly logger: Logger
    readonly signal: AbortSignal
  },
): Promise<ReadonlyMap<string, ProgramExit>> {
  const found = new Map<string, ProgramExit>()
  if (ids.length === 0) return found
  const { scope, nowMs, logger, signal } = options
  const field = unitFields(scope).manager
  const entries = new Map<string, JournalEntry[]>(ids.map((id) => [unitName(id), []]))
  const matches = [...entries.keys()].map((unit) => `${field}=${unit}`)
  const fields = [field, 'MESSAGE_ID', 'EXIT_CODE', 'EXIT_STATUS', 'UNIT_RESULT']
  try {
    for await (const entry of readJournal({ scope, matches, fields, options: ['--boot'] }, signal))
      entries.get(entry[field] ?? '')?.push(entry)
  } catch (error) {
    signal.throwIfAborted()
    logger.log('warn', 'exits during our absence are not known', { error: messageOf(error) })
  }
  for (const id of ids) found.set(programKey(id), lastExit(entries.get(unitName(id)) ?? [], nowMs))
  return found
}

function lastExit(entries: readonly JournalEntry[], nowMs: number): ProgramExit {
  const last = entries.findLast((entry) =>
    [PROCESS_EXIT, UNIT_FAILED, UNIT_SUCCEEDED].includes(entry.MESSAGE_ID ?? ''),
  )
  if (last === undefined) return { reason: 'lost', atMs: nowMs, message: 'ended while nsctl was not running' }
  const failed = last.MESSAGE_ID === UNIT_FAILED ? last : undefined
  // what systemd says of the unit comes after what it says of the process
  const process = entries.findLast((entry) => entry.MESSAGE_ID === PROCESS_EXIT)
  const atMs = Math.round(Number(last.__REALTIME_TIMESTAMP ?? 0) / 1000)
  if (process === undefined || last.MESSAGE_ID === UNIT_SUCCEEDED)
    return { reason: 'success', exitCode: 0, atMs }
  return toProgramExit({
    code: CODES[process.EXIT_CODE ?? ''] ?? 0,
    status: Number(process.EXIT_STATUS ?? 0),
    result: failed?.UNIT_RESULT ?? '',
    atMs,
    duringSetup: false,
  })
}
