/** Log lines on standard error: for people on a terminal or in the journal, as JSON where a machine reads them. */
import type { Clock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { LogFields, Logger, LogLevel } from '../core/logger.ts'

const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 }

export interface LoggerOptions {
  readonly clock: Clock
  readonly level: LogLevel
  readonly format: 'text' | 'json'
  /** What it throws is dropped: a terminal that is gone must not end what is only logged. */
  readonly write: (line: string) => void
}

/** A logger that hands `write` one line for each message at or above `level`. Never throws. */
export function createLogger(options: LoggerOptions, fields: LogFields = {}): Logger {
  const render = options.format === 'json' ? renderJson : renderText
  return {
    log(level, message, more) {
      if (LEVELS[level] < LEVELS[options.level]) return
      const at = new Date(options.clock.now()).toISOString()
      const line = render(at, level, message, { ...fields, ...more })
      try {
        options.write(`${line}\n`)
      } catch {
        // there is nowhere to say so
      }
    },
    with: (more) => createLogger(options, { ...fields, ...more }),
  }
}

function renderJson(at: string, level: LogLevel, message: string, fields: LogFields): string {
  return JSON.stringify({ at, level, message, ...mapFields(fields) })
}

function renderText(at: string, level: LogLevel, message: string, fields: LogFields): string {
  const words = Object.entries(mapFields(fields)).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return `${name}=${/[\s"=]/.test(text) ? JSON.stringify(text) : text}`
  })
  return escaped([at.slice(11, 23), level.padEnd(5), message, ...words].join(' '))
}

/** What others had a hand in (the name of a command, what a store says) makes no line of its own, and does nothing to a terminal. */
function escaped(line: string): string {
  return line.replace(/\p{Cc}/gu, (character) => {
    const short = JSON.stringify(character).slice(1, -1)
    return short.length > 1 ? short : `\\u00${character.charCodeAt(0).toString(16)}`
  })
}

/** Errors as their message; a bug's stack is worth having. */
function mapFields(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => {
      if (value === undefined) return []
      if (!(value instanceof Error)) return [[name, value]]
      return [[name, value.name === 'NsctlError' ? messageOf(value) : (value.stack ?? messageOf(value))]]
    }),
  )
}
