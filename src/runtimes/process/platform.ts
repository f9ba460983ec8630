/** Which process table this system has. */
import { statSync } from 'node:fs'
import { uptime } from 'node:os'
import { openProcTable } from './proc.ts'
import { openPsTable } from './ps.ts'
import type { ProcessTable } from './table.ts'

/** /proc where there is one, else ps. */
export function openProcessTable(): ProcessTable {
  if (statSync('/proc/sys/kernel/random/boot_id', { throwIfNoEntry: false })) return openProcTable()
  // to ten seconds: both clocks move a little against each other
  return openPsTable(`since-${Math.round((Date.now() / 1000 - uptime()) / 10)}`)
}
