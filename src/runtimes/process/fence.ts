/** Until when fenced programs may run, in a file that each of their shims looks at: nobody of ours need be alive for it. */
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { FENCE_KILL_MS, FENCE_STOP_MS } from '../../resources/fencing.ts'
import type { ArmedFence } from '../runtime.ts'

/** Shims look once a second, and count whole seconds. */
const EARLIER_S = 1

/** Whether shims can tell the time since boot here. */
export function canFence(): boolean {
  return existsSync('/proc/uptime')
}

/** Armed by not being written: what counts is what was confirmed last. */
export function armFence(file: string, bootId: string): ArmedFence {
  const armedMs = uptime() * 1e3
  return {
    async confirm() {
      const [stop, kill] = [FENCE_STOP_MS, FENCE_KILL_MS].map(
        (afterMs) => Math.floor((armedMs + afterMs) / 1e3) - EARLIER_S,
      )
      writeFileSync(`${file}.new`, `${stop} ${kill} ${bootId}\n`, { mode: 0o600 })
      renameSync(`${file}.new`, file)
    },
  }
}
