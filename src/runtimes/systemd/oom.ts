/**
 * Who was killed for want of memory, under cgroup version 1: systemd counts such kills only under version 2, so they are read
 * from the kernel's log. Root only.
 */
import { closeSync, constants, existsSync, openSync, readSync } from 'node:fs'

const RECORD_BYTES = 8192
/** A kill is asked for within milliseconds of its report; an older one was another process's. */
const FRESH_MS = 10_000

/** Tells whether a unit's process was just killed for want of memory. Undefined under version 2, where systemd says so itself. */
export function oomWatcher(): ((unit: string) => boolean) | undefined {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers') || process.getuid?.() !== 0) return undefined
  return (unit) => {
    const nowMs = Number(process.hrtime.bigint() / 1_000_000n)
    return kernelRecords().some((record) => {
      const kill = parseOomKill(record)
      return kill?.unit === unit && nowMs - kill.atMs < FRESH_MS
    })
  }
}

/** `6,908,3851911208,-;oom-kill:constraint=…,task_memcg=/nsctl.slice/UNIT,task=node,…`; the time is that of the monotonic clock. */
export function parseOomKill(record: string): { readonly unit: string; readonly atMs: number } | undefined {
  const match = /^\d+,\d+,(\d+),[^;]*;oom-kill:.*task_memcg=[^,]*\/([^/,]+\.service)[/,]/.exec(record)
  if (match === null) return undefined
  return { unit: match[2]!, atMs: Number(match[1]) / 1000 }
}

/** The kernel gives one record a read, EPIPE where the next was overwritten meanwhile, EAGAIN at the end. */
function kernelRecords(): readonly string[] {
  const records: string[] = []
  let file: number
  try {
    file = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return records
  }
  const buffer = Buffer.alloc(RECORD_BYTES)
  for (;;) {
    try {
      const record = buffer.toString('latin1', 0, readSync(file, buffer))
      if (record.includes('oom-kill:')) records.push(record)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') continue
      closeSync(file)
      return records
    }
  }
}
