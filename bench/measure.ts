/** Runs commands in turns, so that whatever else the machine does falls on all of them alike, and compares medians. */
import { spawnSync } from 'node:child_process'

export interface Contender {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  readonly input?: string
  /** Runs before each measured run, unmeasured. */
  readonly before?: () => void
}

export interface Timing {
  readonly name: string
  readonly medianMs: number
  readonly minMs: number
}

/** One row of a benchmark's table: a ratio within one run, and what it should be at most. */
export interface Row {
  readonly bench: string
  readonly what: string
  readonly value: number
  readonly unit: '×' | 'ms' | 'KB' | 'MB' | '%' | 'count'
  /** At most this; absent where the figure is for information. */
  readonly goal?: number
}

/** This process's environment without what slows Node down by accident. */
export function cleanEnv(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  // whoever measures may have contexts, whose store is not ours to fill
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    NSCTL_CONFIG: '/nonexistent/config',
    ...more,
    NO_COLOR: '1',
  }
  delete env.NODE_EXTRA_CA_CERTS
  delete env.NODE_OPTIONS
  return env
}

/** Medians of `rounds` runs each, after one that does not count. Throws where a command fails. */
export function compare(contenders: readonly Contender[], rounds: number): readonly Timing[] {
  const times = contenders.map((): number[] => [])
  for (let round = -1; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      contender.before?.()
      const elapsedMs = runOnce(contender)
      if (round >= 0) times[index]?.push(elapsedMs)
    }
  }
  return contenders.map(({ name }, index) => {
    const sorted = (times[index] ?? []).sort((a, b) => a - b)
    return { name, medianMs: median(sorted), minMs: sorted[0] ?? Number.NaN }
  })
}

function runOnce({ name, command, env, cwd, input }: Contender): number {
  const [program, ...args] = command
  const startedMs = performance.now()
  const { status, error, stderr } = spawnSync(program, args, {
    env: env ?? cleanEnv(),
    stdio: [input === undefined ? 'ignore' : 'pipe', 'ignore', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
    ...(input === undefined ? {} : { input }),
  })
  const elapsedMs = performance.now() - startedMs
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${name}: ${command.join(' ')} exits with ${status}: ${stderr}`)
  return elapsedMs
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = Number.NaN, high = Number.NaN] = [sorted[middle - 1], sorted[middle]]
  return sorted.length % 2 === 1 ? high : (low + high) / 2
}

/** Prints `rows` as a table; true where every goal is met. */
export function printRows(rows: readonly Row[]): boolean {
  const cells = rows.map((row) => [
    row.bench,
    row.what,
    `${row.value.toFixed(row.unit === '×' ? 2 : 1)} ${row.unit}`,
    row.goal === undefined ? '' : `≤ ${row.goal} ${row.unit}`,
    row.goal === undefined ? '' : row.value <= row.goal ? 'ok' : 'MISSED',
  ])
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)))
  for (const line of cells)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
  return rows.every((row) => row.goal === undefined || row.value <= row.goal)
}
