/** The output of a program, from its files alone: works beside the owner and without any. */
import { type FSWatcher, watch } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogLine, LogOptions, ProgramId } from '../runtime.ts'
import { attemptsWithLogs } from './keeper.ts'
import { type AttemptPaths, attemptPaths, fileNameOf, type Layout } from './layout.ts'
import { nextLine, type OutputLine, readLines, startOfLast } from './output.ts'
import { loadRecord } from './records.ts'
import { NO_STAMPS, parseStamps, type Stamps, type StreamLetter, stampFinder } from './stamps.ts'

const STREAMS = ['o', 'e'] as const
/** Between two looks where nothing tells of a change, and for what is told by no file of the logs. */
const LOOK_EVERY_MS = 500

type Positions = Readonly<Record<StreamLetter, number>>

interface StampedLine {
  readonly stream: StreamLetter
  readonly text: string
  readonly atMs: number
  readonly rank: number
  readonly end: number
}

/** The lines of the present attempt (or the one before), then with `follow` those that come, until the program is stopped or `signal` aborts. */
export async function* readLogs(
  layout: Layout,
  id: ProgramId,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const name = fileNameOf(id)
  const { logDir } = attemptPaths(layout, name, 0)
  const follow = options.follow === true && options.previous !== true
  using changes = follow ? new Changes(logDir) : undefined
  let attempt = attemptsWithLogs(logDir).at(options.previous === true ? -2 : -1)
  let positions: Positions = { o: 0, e: 0 }
  if (attempt !== undefined) {
    const paths = attemptPaths(layout, name, attempt)
    const ends = { ...positions }
    for await (const line of readKept(paths, options, !follow)) {
      if (signal.aborted) return
      ends[line.stream] = line.end
      yield lineOf(id, line)
    }
    positions = await laterPositions(paths, ends, options)
  }
  while (changes !== undefined && !signal.aborted) {
    const isOver = hasEnded(layout, name)
    const next = attemptsWithLogs(logDir).find((number) => number > (attempt ?? 0))
    if (attempt !== undefined) {
      const paths = attemptPaths(layout, name, attempt)
      const ends = { ...positions }
      for (const line of await readNew(paths, positions, isOver || next !== undefined)) {
        if (signal.aborted) return
        ends[line.stream] = line.end
        yield lineOf(id, line)
      }
      positions = ends
    }
    if (next !== undefined) {
      attempt = next
      positions = { o: 0, e: 0 }
    } else if (isOver) return
    else await changes.next(signal)
  }
}

function lineOf(id: ProgramId, line: StampedLine): LogLine {
  return { id, atMs: line.atMs, stream: line.stream === 'o' ? 'stdout' : 'stderr', text: line.text }
}

/** What is kept of an attempt, both streams in the order in which they were written. */
async function* readKept(
  paths: AttemptPaths,
  options: LogOptions,
  whole: boolean,
): AsyncGenerator<StampedLine> {
  const stamps = await readStamps(paths)
  const { tail, sinceMs = 0 } = options
  const merged = merge(
    await Promise.all(STREAMS.map((stream) => keptLines(paths, stream, stamps, { tail, whole }))),
  )
  if (tail === undefined) {
    for await (const line of merged) if (line.atMs >= sinceMs) yield line
    return
  }
  const lines: StampedLine[] = []
  for await (const line of merged) if (line.atMs >= sinceMs) lines.push(line)
  yield* lines.slice(Math.max(0, lines.length - tail))
}

async function keptLines(
  paths: AttemptPaths,
  stream: StreamLetter,
  stamps: Stamps,
  { tail, whole }: { readonly tail: number | undefined; readonly whole: boolean },
): Promise<AsyncGenerator<StampedLine>> {
  const path = pathOf(paths, stream)
  const { size: to, mtimeMs } = await sizeOf(path)
  const base = await nextLine(path, stamps.base[stream], to)
  const from = tail === undefined ? base : await startOfLast(path, tail, { base, to })
  const find = stampFinder(stamps, stream, mtimeMs)
  return (async function* () {
    for await (const line of readLines(path, { from, to, whole })) {
      if (line.text.includes('\0') && (await wasGivenBack(paths, stream, line))) continue
      yield { stream, text: line.text, end: line.end, ...find(line.end) }
    }
  })()
}

/** Zeros may be the program's, or what is read where the owner has just given the oldest part back. */
async function wasGivenBack(paths: AttemptPaths, stream: StreamLetter, line: OutputLine): Promise<boolean> {
  return line.start < (await readStamps(paths)).base[stream]
}

/** Two sorted streams as one. */
async function* merge(streams: readonly AsyncGenerator<StampedLine>[]): AsyncGenerator<StampedLine> {
  const heads = await Promise.all(streams.map(async (stream) => ({ stream, head: await stream.next() })))
  try {
    for (;;) {
      const first = heads
        .filter(({ head }) => head.done !== true)
        .sort((a, b) => a.head.value.rank - b.head.value.rank || a.head.value.atMs - b.head.value.atMs)[0]
      if (first === undefined) return
      yield first.head.value
      first.head = await first.stream.next()
    }
  } finally {
    // whoever reads may stop in the middle: the files are open then
    await Promise.all(streams.map((stream) => stream.return(undefined)))
  }
}

/** Where to go on after what was read of an attempt: not before what was left out on purpose. */
async function laterPositions(paths: AttemptPaths, read: Positions, options: LogOptions): Promise<Positions> {
  const later = { ...read }
  if (options.tail === undefined && options.sinceMs === undefined) return later
  const stamps = await readStamps(paths)
  for (const stream of STREAMS) {
    if (read[stream] > 0) continue
    const path = pathOf(paths, stream)
    const { size: to } = await sizeOf(path)
    const last = await startOfLast(path, 1, { base: stamps.base[stream], to })
    for await (const line of readLines(path, { from: last, to, whole: false })) later[stream] = line.end
    later[stream] ||= last
  }
  return later
}

/** What was written since, the stream that was written to earlier first. */
async function readNew(
  paths: AttemptPaths,
  positions: Positions,
  whole: boolean,
): Promise<readonly StampedLine[]> {
  const lines = await Promise.all(
    STREAMS.map(async (stream) => {
      const path = pathOf(paths, stream)
      const { size: to, mtimeMs } = await sizeOf(path)
      const found: StampedLine[] = []
      for await (const line of readLines(path, { from: positions[stream], to, whole }))
        found.push({ stream, text: line.text, atMs: mtimeMs, rank: 0, end: line.end })
      return found
    }),
  )
  return lines.flat().sort((a, b) => a.atMs - b.atMs)
}

function pathOf(paths: AttemptPaths, stream: StreamLetter): string {
  return stream === 'o' ? paths.stdout : paths.stderr
}

async function readStamps(paths: AttemptPaths): Promise<Stamps> {
  try {
    return parseStamps(await readFile(paths.stamps, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NO_STAMPS
    throw error
  }
}

async function sizeOf(path: string): Promise<{ readonly size: number; readonly mtimeMs: number }> {
  try {
    const { size, mtimeMs } = await stat(path)
    return { size, mtimeMs: Math.round(mtimeMs) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { size: 0, mtimeMs: 0 }
    throw error
  }
}

/** True where nothing more will be written: forgotten, or stopped and ended. */
function hasEnded(layout: Layout, name: string): boolean {
  const record = loadRecord(layout, name)
  return record === undefined || (record.stage === 'settled' && record.want === 'stop')
}

/** Tells that something changed in a directory since it was last asked; looks again by itself after a while. */
class Changes implements Disposable {
  #watcher: FSWatcher | undefined
  #changed = Promise.withResolvers<void>()

  constructor(dir: string) {
    try {
      this.#watcher = watch(dir, () => this.#changed.resolve())
      this.#watcher.on('error', () => this.#watcher?.close())
    } catch {
      this.#watcher = undefined
    }
  }

  async next(signal: AbortSignal): Promise<void> {
    const waiting = new AbortController()
    const either = AbortSignal.any([signal, waiting.signal])
    await Promise.race([
      this.#changed.promise,
      sleep(LOOK_EVERY_MS, undefined, { signal: either }).catch(() => undefined),
    ])
    waiting.abort()
    this.#changed = Promise.withResolvers()
  }

  [Symbol.dispose](): void {
    this.#watcher?.close()
  }
}
