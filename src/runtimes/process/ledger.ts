/** What is remembered of one program, in memory and on disk. */
import { messageOf } from '../../core/errors.ts'
import { programKey } from '../runtime.ts'
import { fileNameOf } from './layout.ts'
import type { Machine } from './machine.ts'
import { type ProgramRecord, removeRecord, saveRecord } from './records.ts'

export class Ledger {
  readonly key: string
  readonly name: string
  readonly #machine: Machine
  #record: ProgramRecord

  constructor(record: ProgramRecord, machine: Machine) {
    this.key = programKey(record.spec.id)
    this.name = fileNameOf(record.spec.id)
    this.#record = record
    this.#machine = machine
  }

  get record(): ProgramRecord {
    return this.#record
  }

  /** Changes what is remembered in this process; on disk once it is written. */
  set(record: ProgramRecord): void {
    this.#record = record
  }

  /** Throws what the file system throws. */
  write(): void {
    saveRecord(this.#machine.layout, this.name, this.#record)
  }

  /** Changes the record and writes it. A full disk must not keep what is here from being stopped: it is logged. */
  note(change: Partial<ProgramRecord> = {}): void {
    this.#record = { ...this.#record, ...change }
    try {
      this.write()
    } catch (error) {
      this.log('error', 'cannot write down the state of a program', error)
    }
  }

  remove(): void {
    removeRecord(this.#machine.layout, this.name)
  }

  log(level: 'warn' | 'error', message: string, error: unknown): void {
    this.#machine.logger.log(level, message, { program: this.key, error: messageOf(error) })
  }
}
