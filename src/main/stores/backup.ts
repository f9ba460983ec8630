/** What a store held before it was rewritten, as a file that was read back. */
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import { readExport } from '../../store/export-file.ts'
import { type LayoutVersion, layoutText } from '../../store/layout.ts'
import { differingKeys, type Snapshot } from '../../store/snapshot.ts'
import type { Store } from '../../store/store.ts'
import { parseStoreUrl } from '../../store/url.ts'
import { type Environment, pathsOf } from '../paths.ts'
import { linesOf } from './export.ts'
import { readExportBytes, writeExport } from './files.ts'

export interface BackupOptions {
  readonly env: Environment
  readonly clock: Clock
  /** Where to; beside the store's file or in nsctl's own state, named after what it holds and when, where left out. */
  readonly file?: string
}

/**
 * Writes the backup, reads it back and returns where it is.
 *
 * @throws NsctlError Invalid where something is there already; Unreachable where it cannot be written
 */
export function writeBackup(
  store: Store,
  snapshot: Snapshot,
  layout: LayoutVersion,
  options: BackupOptions,
): string {
  const path = options.file ?? placeFor(store, layout, options)
  if (existsSync(path))
    throw new NsctlError('Invalid', `the backup cannot be written to ${path}: it is there already`, {
      value: path,
      next: 'name another file with --backup; nothing was changed',
    })
  writeExport(path, linesOf(store, snapshot, layout, options.clock))
  const { entries, header } = readExport(readExportBytes(path), path, layout)
  const [differing] = differingKeys(snapshot.entries, entries)
  if (differing !== undefined || header.revision !== snapshot.revision)
    throw new NsctlError('Failed', `the backup ${path} is not what was written to it`, {
      value: differing,
      next: 'name a file on another disk with --backup; nothing was changed',
    })
  return path
}

/** `store.db.format-2-layout-1.0-2026-11-20T19-46-01-123Z.export`. */
function placeFor(store: Store, layout: LayoutVersion, { env, clock }: BackupOptions): string {
  const format = store.format === undefined ? '' : `format-${store.format.found}-`
  const at = new Date(clock.now()).toISOString().replaceAll(/[:.]/g, '-')
  const name = `${format}layout-${layoutText(layout)}-${at}.export`
  const url = parseStoreUrl(store.url)
  if (url.engine === 'sqlite') return `${url.path}.${name}`
  const path = join(pathsOf(env).stateDir, 'backups', `${url.engine}-${name}`)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  return path
}
