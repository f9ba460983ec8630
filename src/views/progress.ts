/** What waiting looks like: one line that is rewritten on a terminal, a new line for each change elsewhere. */
import type { Paint } from './colour.ts'
import { truncate } from './width.ts'

const BAR_CELLS = 10

/** `███████░░░` */
export function progressBar(done: number, of: number, cells = BAR_CELLS): string {
  const part = of <= 0 ? 1 : Math.min(1, Math.max(0, done / of))
  const full = Math.round(part * cells)
  return '█'.repeat(full) + '░'.repeat(cells - full)
}

export interface Progress {
  readonly done: number
  readonly of: number
  /** What is waited for: `waiting for 3 instances`. */
  readonly label: string
  /** What happens just now: `web-2 starting (1.1 s)`. */
  readonly detail?: string
}

/** `waiting for 3 instances  ███████░░░ 2/3   web-2 starting (1.1 s)` */
export function progressLine(progress: Progress): string {
  const detail = progress.detail === undefined || progress.detail === '' ? '' : `   ${progress.detail}`
  return `${progress.label}  ${progressBar(progress.done, progress.of)} ${progress.done}/${progress.of}${detail}`
}

export interface ProgressSink {
  readonly isTerminal: boolean
  readonly columns?: number
  write(text: string): void
}

/** Shows the latest state of a wait. */
export interface ProgressWriter {
  show(progress: Progress): void
  /** Removes the waiting line, so that what is written next starts on a clean one. */
  clear(): void
}

/** On a terminal rewrites one line; elsewhere writes a line whenever the count moved (not for each tick of a duration). */
export function createProgressWriter(sink: ProgressSink, paint: Pick<Paint, 'faint'>): ProgressWriter {
  let shown = ''
  return {
    show(progress) {
      if (!sink.isTerminal) {
        const key = `${progress.label} ${progress.done}/${progress.of}`
        if (key === shown) return
        shown = key
        sink.write(
          `${progress.label}: ${progress.done}/${progress.of}${progress.detail === undefined || progress.detail === '' ? '' : ` (${progress.detail})`}\n`,
        )
        return
      }
      const line = truncate(progressLine(progress), (sink.columns ?? 80) - 1)
      if (line === shown) return
      shown = line
      sink.write(`\r\u001b[2K${paint.faint(line)}`)
    },
    clear() {
      if (sink.isTerminal && shown !== '') sink.write('\r\u001b[2K')
      shown = ''
    },
  }
}
