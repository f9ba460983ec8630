/** What an earlier owner left behind: records to go on with, and processes that belong to none of them. */
import { readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { send } from './attempt.ts'
import { attemptPaths, fileNameOf, parseAttemptFile, recordPath } from './layout.ts'
import type { Machine } from './machine.ts'
import { loadRecord, type ProgramRecord, recordNames } from './records.ts'
import { cancelledClaim } from './shim.ts'

/**
 * The records of every program, after ending what runs for an attempt that none of them knows (its record was damaged or lost).
 * A damaged record is set aside, so that the others can go on.
 */
export async function adoptPrograms(machine: Machine): Promise<readonly ProgramRecord[]> {
  const records = recordNames(machine.layout).flatMap((name) => readRecord(name, machine) ?? [])
  const current = new Set(
    records.map((record) => join(machine.layout.run, `${fileNameOf(record.spec.id)}.${record.attempt}`)),
  )
  for (const stray of await machine.table.snapshot()) {
    const { attempt } = stray
    if (attempt === undefined || current.has(attempt) || !isOurs(attempt, machine)) continue
    if (!machine.table.isAlive(stray)) continue
    machine.logger.log('warn', 'ending a process that belongs to no known program', {
      pid: stray.pid,
      attempt,
    })
    send(stray.pid, 'SIGKILL')
  }
  for (const file of readdirSync(machine.layout.run))
    if (isStale(file, current, machine)) removeFile(file, machine)
  return records
}

/**
 * Files of attempts that are over. A claim that was cancelled since the machine was started stays: its shim may yet come, and must
 * find it.
 */
function isStale(file: string, current: ReadonlySet<string>, { layout, table }: Machine): boolean {
  const found = parseAttemptFile(file)
  if (found === undefined) return false
  const paths = attemptPaths(layout, found.name, found.attempt)
  if (current.has(paths.run)) return false
  try {
    return readFileSync(paths.claim, 'utf8') !== cancelledClaim(table.bootId)
  } catch {
    return true
  }
}

function removeFile(file: string, { layout }: Machine): void {
  rmSync(join(layout.run, file), { force: true })
}

function isOurs(attempt: string, machine: Machine): boolean {
  return attempt.startsWith(`${machine.layout.run}/`) && parseAttemptFile(`${attempt}.x`) !== undefined
}

function readRecord(name: string, machine: Machine): ProgramRecord | undefined {
  try {
    return loadRecord(machine.layout, name)
  } catch (error) {
    const path = recordPath(machine.layout, name)
    renameSync(path, `${path}.damaged`)
    machine.logger.log('error', 'the record of a program is damaged: set aside, what ran of it is ended', {
      file: `${path}.damaged`,
      error: messageOf(error),
    })
    return undefined
  }
}
