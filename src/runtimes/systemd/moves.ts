/**
 * Readies the kernel for moving a process to another control group, as systemd does with each that it starts (record 0049). A move waits
 * until all processors have gone through a quiet state, 8 to 16 ms on a machine that does little, unless another was made in the last few
 * milliseconds. So we move ourselves to where we are already, which changes nothing, while nobody waits.
 */
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const ROOT = '/sys/fs/cgroup'

/**
 * What to call a few milliseconds before, any number of times. It does nothing where we may not move ourselves. The waiting is a
 * thread's of Node's.
 */
export function moveReadier(file = ownGroup()): () => void {
  let state: 'idle' | 'busy' | 'refused' = file === undefined ? 'refused' : 'idle'
  return () => {
    if (state !== 'idle' || file === undefined) return
    state = 'busy'
    // 0 is whoever writes it
    writeFile(file, '0', { flag: 'r+' }).then(
      () => {
        state = 'idle'
      },
      () => {
        state = 'refused'
      },
    )
  }
}

/** The list of processes of the control group that we are in; undefined where there is none to be seen. */
function ownGroup(): string | undefined {
  try {
    return groupFile(readFileSync('/proc/self/cgroup', 'utf8'))
  } catch {
    return undefined
  }
}

/** Pure: of systemd's own hierarchy of version 1 where there is one, as in /proc/PID/cgroup; else of version 2. */
export function groupFile(groups: string): string | undefined {
  const own = /^\d+:name=systemd:(\/.*)$/m.exec(groups)?.[1]
  const unified = /^0::(\/.*)$/m.exec(groups)?.[1]
  const path = own ?? unified
  // outside of what this process sees as the root
  if (path === undefined || path.startsWith('/..')) return undefined
  return join(ROOT, own === undefined ? '' : 'systemd', path, 'cgroup.procs')
}
