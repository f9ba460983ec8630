/** The logger port. Lines are structured; where they go is the composition root's business. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Named values beside the message. Never secrets. */
export type LogFields = Readonly<Record<string, unknown>>

export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void
  /** A logger that adds `fields` to each of its lines. */
  with(fields: LogFields): Logger
}

export const silentLogger: Logger = {
  log() {},
  with: () => silentLogger,
}
