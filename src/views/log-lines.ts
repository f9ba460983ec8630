/** Lines of logs with what was asked for before them. */
import type { LogEntry } from '../client/client.ts'
import type { Paint } from './colour.ts'

export interface LogFormat {
  readonly paint: Paint
  /** `[web-0-k2p9x]`, and the program's name in a group; a colour for each instance. */
  readonly prefix: boolean
  readonly timestamps: boolean
}

/** Formats line after line, each ended. An instance keeps the colour that it got with its first line. */
export function createLogFormatter(format: LogFormat): (entry: LogEntry) => string {
  const colours = new Map<string, number>()
  return (entry) => {
    let line = ''
    if (format.prefix) {
      const index = colours.get(entry.instance) ?? colours.size
      colours.set(entry.instance, index)
      const name = entry.program === '' ? entry.instance : `${entry.instance}/${entry.program}`
      line += `${format.paint.nth(index, `[${name}]`)} `
    }
    if (format.timestamps) line += `${entry.atMs === undefined ? '-' : new Date(entry.atMs).toISOString()} `
    return `${line}${entry.text}\n`
  }
}
