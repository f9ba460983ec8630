/** Linux's processes, from /proc. */
import { readdirSync, readFileSync } from 'node:fs'
import { MARKER, type ProcessEntry, type ProcessTable } from './table.ts'

/** Processes looked at before other work gets its turn: about a millisecond. */
const BATCH = 50

/** Indices of proc_pid_stat(5), counted from the state, which follows the name in parentheses. */
const FIELD = {
  state: 0,
  session: 3,
  utime: 11,
  stime: 12,
  cutime: 13,
  cstime: 14,
  start: 19,
  rss: 21,
} as const

/** @throws where /proc is not there (errno kept) */
export function openProcTable(): ProcessTable {
  const { tickMs, pageBytes } = readUnits()
  const isAlive = ({ pid, start }: { readonly pid: number; readonly start: number }): boolean => {
    const fields = statOf(pid)
    return fields !== undefined && Number(fields[FIELD.start]) === start && !isDead(fields)
  }
  return {
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    tellsProcessesApart: true,
    isAlive,
    isStillClaimed: (claim) =>
      isAlive({ pid: claim.shimPid, start: claim.shimStart }) ||
      isAlive({ pid: claim.pid, start: claim.start }),
    async snapshot() {
      const entries: ProcessEntry[] = []
      let seen = 0
      for (const name of readdirSync('/proc')) {
        const pid = Number(name)
        if (!Number.isInteger(pid)) continue
        if (++seen % BATCH === 0) await new Promise((resolve) => setImmediate(resolve))
        const entry = entryOf(pid)
        if (entry !== undefined) entries.push(entry)
      }
      return entries
    },
    io: (pid) => parseProcessIo(readOrNothing(`/proc/${pid}/io`)),
  }

  function entryOf(pid: number): ProcessEntry | undefined {
    const fields = statOf(pid)
    if (fields === undefined || isDead(fields)) return undefined
    const field = (name: keyof typeof FIELD) => Number(fields[FIELD[name]])
    const session = field('session')
    if (session === 0) return undefined
    return {
      pid,
      session,
      start: field('start'),
      cpuMs: (field('utime') + field('stime') + field('cutime') + field('cstime')) * tickMs,
      memoryBytes: field('rss') * pageBytes,
      attempt: attemptOf(pid),
    }
  }
}

/** /proc/<pid>/io; undefined where this user may not read it. */
export function parseProcessIo(
  text: string,
): { readonly readBytes: number; readonly writtenBytes: number } | undefined {
  const [read, written] = [/^read_bytes: (\d+)$/m.exec(text), /^write_bytes: (\d+)$/m.exec(text)]
  if (read === null || written === null) return undefined
  return { readBytes: Number(read[1]), writtenBytes: Number(written[1]) }
}

/** The fields of /proc/<pid>/stat from the state on; undefined where the process is gone. */
function statOf(pid: number): readonly string[] | undefined {
  const text = readOrNothing(`/proc/${pid}/stat`)
  // a name may hold spaces and parentheses: the last one closes it
  return text === '' ? undefined : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

function isDead(fields: readonly string[]): boolean {
  return fields[FIELD.state] === 'Z' || fields[FIELD.state] === 'X'
}

function attemptOf(pid: number): string | undefined {
  const environ = `\0${readOrNothing(`/proc/${pid}/environ`)}`
  const at = environ.indexOf(`\0${MARKER}=`)
  if (at === -1) return undefined
  const from = at + MARKER.length + 2
  const to = environ.indexOf('\0', from)
  return environ.slice(from, to === -1 ? undefined : to)
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** AT_PAGESZ and AT_CLKTCK of the auxiliary vector, where the kernel tells each process what /proc counts in. */
function readUnits(): { readonly tickMs: number; readonly pageBytes: number } {
  const vector = readFileSync('/proc/self/auxv')
  const value = (type: bigint, fallback: number): number => {
    for (let at = 0; at + 16 <= vector.length; at += 16)
      if (vector.readBigUInt64LE(at) === type) return Number(vector.readBigUInt64LE(at + 8))
    return fallback
  }
  return { pageBytes: value(6n, 4096), tickMs: 1000 / value(17n, 100) }
}
