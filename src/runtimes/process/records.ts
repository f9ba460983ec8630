/** What is remembered of a program: one file each, replaced as a whole by whoever owns the runtime. */
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import type { ProgramExit, ProgramSpec } from '../runtime.ts'
import { type Layout, recordPath } from './layout.ts'

/** A stop that was asked for and is not yet done. */
export interface StopIntent {
  readonly signal: string
  readonly graceMs: number
  /** Wall clock, so that another process can go on with it. */
  readonly askedAtMs: number
}

export interface ProgramRecord {
  readonly spec: ProgramSpec
  readonly want: 'run' | 'stop'
  /** Number of the latest attempt. */
  readonly attempt: number
  /**
   * Of the latest attempt: `live` until its end has been taken note of; `ended` until it was decided what follows;
   * `settled` when nothing does.
   */
  readonly stage: 'live' | 'ended' | 'settled'
  readonly stopping?: StopIntent
  readonly restarts: number
  /** When it was restarted lately, wall clock. */
  readonly restartsAtMs: readonly number[]
  readonly lastExit?: ProgramExit
}

/** Of a program that has never been started. */
export function freshRecord(spec: ProgramSpec): ProgramRecord {
  return { spec, want: 'stop', attempt: 0, stage: 'settled', restarts: 0, restartsAtMs: [] }
}

/** Replaces the record whole; a kill leaves the old one or the new one. Throws what the file system throws. */
export function saveRecord(layout: Layout, name: string, record: ProgramRecord): void {
  const path = recordPath(layout, name)
  writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

export function removeRecord(layout: Layout, name: string): void {
  rmSync(recordPath(layout, name), { force: true })
}

/** The record of `name`, or undefined where there is none. Throws Failed for one that cannot be read. */
export function loadRecord(layout: Layout, name: string): ProgramRecord | undefined {
  const path = recordPath(layout, name)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const record = parseJson(text)
  if (!isObject(record) || !isObject(record.spec) || typeof record.attempt !== 'number')
    throw new NsctlError('Failed', `the record of a program is damaged: ${path}`, {
      value: path,
      next: 'see what runs (ps), stop it, and remove that file',
    })
  return record as unknown as ProgramRecord
}

/** Names of every program that has a record. */
export function recordNames(layout: Layout): readonly string[] {
  return readdirSync(join(layout.programs))
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
