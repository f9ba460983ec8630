/** Processes and boots, told apart: who holds something, and whether that process still lives. */
import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { randomIds } from '../core/ids.ts'

/** Who holds a lease; enough for a process on the same machine to see at once that the holder is dead. */
export interface LeaseHolder {
  /** Random: no two holders share it, not even in one process. */
  readonly id: string
  readonly host: string
  readonly pid: number
  /** /proc/<pid>/stat's start time in clock ticks, so that a reused pid is not taken for the holder. Empty off Linux. */
  readonly startTime: string
  /** Which run of which machine, as `bootId()` names it. Empty off Linux. */
  readonly bootId: string
  /** Free facts for people: version, runtime, socket. Never secrets. */
  readonly about: Readonly<Record<string, string>>
}

/**
 * Names this run of the kernel and, within it, the set of processes that we can see (a container has its own), so that
 * pids of equal places can be compared. Empty off Linux.
 */
export function bootId(): string {
  const boot = readOrEmpty('/proc/sys/kernel/random/boot_id').trim()
  if (boot === '') return ''
  try {
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return boot
  }
}

/** This process as the holder of a lease. */
export function thisProcess(about: Readonly<Record<string, string>> = {}): LeaseHolder {
  const startTime = parseStat(readOrEmpty('/proc/self/stat'))?.startTime ?? ''
  return { id: randomIds.suffix(12), host: hostname(), pid: process.pid, startTime, bootId: bootId(), about }
}

/**
 * Whether the holder's process lives: undefined where that cannot be known from here (another machine, another boot,
 * another container). A zombie is dead, and another process under a used pid is not the holder. Off Linux only the pid
 * on a host of the same name is compared.
 */
export function holderIsAlive(holder: LeaseHolder): boolean | undefined {
  const boot = bootId()
  if (boot !== holder.bootId) return undefined
  if (boot === '') return holder.host === hostname() ? pidExists(holder.pid) : undefined
  const stat = parseStat(readOrEmpty(`/proc/${holder.pid}/stat`))
  if (stat !== undefined) return stat.startTime === holder.startTime && !'ZXx'.includes(stat.state)
  // /proc may hide the processes of other users: then pid 1 is hidden too
  return existsSync('/proc/1/stat') && !existsSync(`/proc/${holder.pid}`) ? false : undefined
}

/**
 * Whether the holder ran on a machine of this one's name before that was booted. Not for deciding who may hold a lease: two
 * machines may share a name.
 */
export function isOfEarlierBoot(holder: LeaseHolder): boolean {
  const [before, now] = [holder.bootId, bootId()].map((id) => id.split(' ')[0])
  return holder.host === hostname() && before !== '' && now !== '' && before !== now
}

/** State and start time (clock ticks since boot) of /proc/<pid>/stat; the name before them may hold anything. */
function parseStat(text: string): { readonly state: string; readonly startTime: string } | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, startTime] = [fields[0], fields[19]]
  return state === undefined || startTime === undefined ? undefined : { state, startTime }
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there and belongs to somebody else
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
