/** Which process table this system has. */
import { statSync } from 'node:fs'
import { findBootId } from './boot-id.ts'
import { openProcTable } from './proc.ts'
import { openPsTable } from './ps.ts'
import type { ProcessTable } from './table.ts'

/** /proc where there is one, else ps. */
export function openProcessTable(): ProcessTable {
  if (statSync('/proc/sys/kernel/random/boot_id', { throwIfNoEntry: false })) return openProcTable()
  return openPsTable(findBootId())
}
