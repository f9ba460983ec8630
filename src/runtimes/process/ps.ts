/**
 * Processes by ps(1), for systems without /proc (macOS). Not run there yet. There are no start times: a process found again is known by its
 * shim's arguments instead, and a number that was given to another process in the meantime is not noticed while we run.
 */
import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'
import type { ProcessEntry, ProcessTable } from './table.ts'

const LINE = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+([\d:.-]+)$/

/** @param bootId differs after every boot */
export function openPsTable(bootId: string): ProcessTable {
  const isAlive = ({ pid }: { readonly pid: number }): boolean => {
    try {
      process.kill(pid, 0)
      return true
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM'
    }
  }
  return {
    bootId,
    tellsProcessesApart: false,
    isAlive,
    isStillClaimed: (claim, run) =>
      isAlive({ pid: claim.shimPid }) && commandOf(claim.shimPid).includes(` ${run} `),
    async snapshot() {
      const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid=,pgid=,rss=,time='])
      return stdout.split('\n').flatMap((line) => parsePsLine(line) ?? [])
    },
  }
}

/** `  123  120  2048  0:01.50`: a process group stands in for the session. */
export function parsePsLine(line: string): ProcessEntry | undefined {
  const match = LINE.exec(line)
  if (match === null) return undefined
  const seconds = (match[4] as string)
    .split(/[:-]/)
    .reverse()
    .reduce((sum, part, i) => sum + Number(part) * ([1, 60, 3600, 86_400][i] ?? 0), 0)
  return {
    pid: Number(match[1]),
    session: Number(match[2]),
    start: 0,
    cpuMs: seconds * 1000,
    memoryBytes: Number(match[3]) * 1024,
    attempt: undefined,
  }
}

function commandOf(pid: number): string {
  try {
    return execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' })
  } catch {
    return ''
  }
}
