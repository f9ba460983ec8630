/**
 * What a run of tests has made, in a folder that all its temporary files are in, so that all of it can be found and ended: also after a run that was
 * interrupted, or killed.
 */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { removeNodeGroups } from './lab/node.ts'

const PREFIX = 'nsctl-run-'
const LIMIT_MS = 20_000

/** A folder for this process's children, to be their TMPDIR: anybody may write there, as servers that run as other users do. */
export function makeRunFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`))
  chmodSync(folder, 0o1777)
  return folder
}

/** Ends what still runs of a run, and removes what it made. */
export async function sweep(folder: string): Promise<void> {
  const deadlineMs = performance.now() + LIMIT_MS
  // two looks in a row that find nothing: what was being ended may have been about to start something
  for (let looks = 0; looks < 2; ) {
    // what is frozen dies only once it is thawed
    const groupsLeft = removeNodeGroups(folder)
    const pids = processesOf(folder)
    for (const pid of pids) kill(pid)
    looks = pids.length === 0 && groupsLeft === 0 ? looks + 1 : 0
    if (performance.now() > deadlineMs)
      throw new Error(
        `of ${folder} there are left: ${groupsLeft} control groups, processes ${pids.join(', ')}`,
      )
    await sleep(50)
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** Sweeps after runs whose process is no more. */
export async function sweepStale(): Promise<void> {
  for (const entry of readdirSync(tmpdir()).filter((one) => one.startsWith(PREFIX))) {
    const [pid] = entry.slice(PREFIX.length).split('-')
    if (!existsSync(`/proc/${pid}`)) await sweep(join(tmpdir(), entry))
  }
}

/** All that run in the folder, or have it among their words, variables or open files; this process is none of them. */
export function processesOf(folder: string): readonly number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((pid) => mentions(`/proc/${pid}`, folder))
    .map(Number)
}

function mentions(of: string, folder: string): boolean {
  const isIn = (read: () => string) => {
    try {
      return read().includes(folder)
    } catch {
      return false // it has ended
    }
  }
  const files = () =>
    readdirSync(`${of}/fd`)
      .map((fd) => readlinkSync(`${of}/fd/${fd}`))
      .join('\n')
  return (
    isIn(() => readFileSync(`${of}/cmdline`, 'utf8')) ||
    isIn(() => readFileSync(`${of}/environ`, 'utf8')) ||
    isIn(() => readlinkSync(`${of}/cwd`)) ||
    isIn(files)
  )
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has ended
  }
}
