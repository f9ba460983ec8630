/**
 * Keeps the output of what runs: notes when it grew, and gives its oldest part back to the file system when it is too
 * long. The program writes to its files itself, so that nothing is lost or torn when nsctl ends, and nobody but the
 * file system is ever between; docs/decisions/0011-process-output.md says why.
 */
import { execFile } from 'node:child_process'
import {
  appendFileSync,
  type FSWatcher,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { AttemptPaths } from './layout.ts'
import { formatBase, formatStamp, formatStamps, parseStamps, type StreamLetter, thin } from './stamps.ts'

export interface LogLimits {
  /** What is given back at once. */
  readonly segmentBytes: number
  /** So many segments are kept of each stream of an attempt, and of the attempts of a program together. */
  readonly segments: number
  /** The output of so many attempts is kept at most. */
  readonly attempts: number
}

export const DEFAULT_LOG_LIMITS: LogLimits = { segmentBytes: 10 * 2 ** 20, segments: 3, attempts: 10 }

/** A program that writes without pause is looked at so often. */
const LOOK_EVERY_MS = 250
/** Where the file system does not tell of changes. */
const POLL_MS = 1_000
const STAMPS_MAX_BYTES = 2 ** 20

const run = promisify(execFile)

export interface KeeperParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: LogLimits
}

/** Watches the output of one attempt from `open` to `close`. */
export class LogKeeper {
  readonly #paths: AttemptPaths
  readonly #parts: KeeperParts
  readonly #seen: Record<StreamLetter, number> = { o: 0, e: 0 }
  readonly #base: Record<StreamLetter, number>
  #stampBytes: number
  #watcher: FSWatcher | undefined
  #cancelTimer: (() => void) | undefined
  #closed = false
  #punching = false

  constructor(paths: AttemptPaths, parts: KeeperParts) {
    this.#paths = paths
    this.#parts = parts
    mkdirSync(paths.logDir, { recursive: true, mode: 0o700 })
    writeFileSync(paths.stamps, '', { flag: 'a', mode: 0o600 })
    const text = readFileSync(paths.stamps, 'utf8')
    // an entry cut short by a kill would swallow the next one
    if (text !== '' && !text.endsWith('\n')) appendFileSync(paths.stamps, '\n')
    const stamps = parseStamps(text)
    for (const entry of stamps.entries) this.#seen[entry.stream] = entry.offset
    this.#base = { ...stamps.base }
    this.#stampBytes = text.length
    this.#watch()
  }

  /** Notes what was written to the end, and looks no more. */
  close(): void {
    if (this.#closed) return
    this.#look()
    this.#closed = true
    this.#rest()
  }

  #rest(): void {
    this.#watcher?.close()
    this.#watcher = undefined
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #watch(): void {
    if (this.#closed) return
    this.#rest()
    const own = `${this.#paths.attempt}.`
    try {
      this.#watcher = watch(this.#paths.logDir, { persistent: false }, (_, file) => {
        if (file?.startsWith(own) && !file.includes('.stamps')) this.#changed()
      })
      this.#watcher.on('error', () => this.#later(POLL_MS))
    } catch {
      this.#later(POLL_MS)
    }
    this.#look()
  }

  /** Looks once and not again for a while, however much is written. */
  #changed(): void {
    this.#look()
    this.#rest()
    this.#later(LOOK_EVERY_MS)
  }

  #later(afterMs: number): void {
    if (this.#closed) return
    this.#cancelTimer?.()
    this.#cancelTimer = this.#parts.clock.schedule(afterMs, () => this.#watch())
  }

  #look(): void {
    if (this.#closed) return
    try {
      const grown = (['o', 'e'] as const)
        .flatMap((stream) => {
          const found = statSync(this.#pathOf(stream), { throwIfNoEntry: false })
          if (found === undefined || found.size <= this.#seen[stream]) return []
          this.#seen[stream] = found.size
          return { stream, atMs: Math.round(found.mtimeMs), offset: found.size }
        })
        .sort((a, b) => a.atMs - b.atMs)
      if (grown.length === 0) return
      this.#note(grown.map(formatStamp).join(''))
      for (const { stream } of grown) this.#shorten(stream)
    } catch (error) {
      this.#parts.logger.log('warn', 'cannot note when output was written', { error: messageOf(error) })
    }
  }

  #note(text: string): void {
    appendFileSync(this.#paths.stamps, text)
    this.#stampBytes += text.length
    if (this.#stampBytes <= STAMPS_MAX_BYTES) return
    const kept = formatStamps(thin(parseStamps(readFileSync(this.#paths.stamps, 'utf8'))))
    writeFileSync(`${this.#paths.stamps}.new`, kept, { mode: 0o600 })
    renameSync(`${this.#paths.stamps}.new`, this.#paths.stamps)
    this.#stampBytes = kept.length
  }

  #pathOf(stream: StreamLetter): string {
    return stream === 'o' ? this.#paths.stdout : this.#paths.stderr
  }

  /** Gives back all but the last segments. The new beginning is written down first: nobody reads what is going. */
  #shorten(stream: StreamLetter): void {
    const { segmentBytes, segments } = this.#parts.limits
    const size = this.#seen[stream]
    if (size - this.#base[stream] <= segmentBytes * segments || this.#punching) return
    const base = size - segmentBytes * (segments - 1)
    this.#note(formatBase(stream, base))
    this.#base[stream] = base
    this.#punching = true
    run('fallocate', ['--punch-hole', '--offset', '0', '--length', String(base), this.#pathOf(stream)])
      .catch((error) =>
        this.#parts.logger.log('warn', 'cannot shorten the output of a program: it grows on', {
          file: this.#pathOf(stream),
          error: messageOf(error),
        }),
      )
      .finally(() => {
        this.#punching = false
      })
  }
}

/** Numbers of the attempts that have output, ascending. */
export function attemptsWithLogs(logDir: string): readonly number[] {
  return listOrNothing(logDir)
    .flatMap((file) => (/^\d+\.stamps$/.test(file) ? [Number.parseInt(file, 10)] : []))
    .sort((a, b) => a - b)
}

/** Removes the output of the oldest attempts; that of the present and the previous one always stays. */
export function pruneAttempts(logDir: string, limits: LogLimits): void {
  let keptBytes = 0
  const newestFirst = attemptsWithLogs(logDir).toReversed()
  for (const [i, attempt] of newestFirst.entries()) {
    const files = ['out', 'err', 'stamps'].map((ending) => join(logDir, `${attempt}.${ending}`))
    for (const file of files) {
      const found = statSync(file, { throwIfNoEntry: false })
      keptBytes += (found?.blocks ?? 0) * 512
    }
    if (i < 2 || (i < limits.attempts && keptBytes <= limits.segmentBytes * limits.segments)) continue
    for (const file of files) rmSync(file, { force: true })
  }
}

function listOrNothing(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
