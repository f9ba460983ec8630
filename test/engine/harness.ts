/** What the engine's tests share: a logger that remembers, and waiting without sleeping. */
import type { LogFields, Logger, LogLevel } from '../../src/core/logger.ts'

export interface LoggedLine {
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields
}

export class RecordingLogger implements Logger {
  readonly lines: LoggedLine[]
  readonly #fields: LogFields

  constructor(lines: LoggedLine[] = [], fields: LogFields = {}) {
    this.lines = lines
    this.#fields = fields
  }

  log(level: LogLevel, message: string, fields: LogFields = {}): void {
    this.lines.push({ level, message, fields: { ...this.#fields, ...fields } })
  }

  with(fields: LogFields): Logger {
    return new RecordingLogger(this.lines, { ...this.#fields, ...fields })
  }

  /** The messages of `level` and above debug. */
  messages(...levels: readonly LogLevel[]): readonly string[] {
    return this.lines.filter((line) => levels.includes(line.level)).map((line) => line.message)
  }
}

/** Lets everything that is ready happen: promises, and one turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** Waits, turn by turn, until `condition` holds; fails after `turns`, with what was waited for. */
export async function until(what: string, condition: () => boolean, turns = 200): Promise<void> {
  for (let i = 0; i < turns; i++) {
    if (condition()) return
    await turn()
  }
  throw new Error(`waited in vain for: ${what}`)
}
