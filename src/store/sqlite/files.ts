/** What lies beside a store's file and belongs to it. */
import { readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** SQLite's own, the room kept for a full disk, the note of an unclean end, the sockets of those who watch, and the history. */
const HISTORY = ['-history', '-history-wal', '-history-shm', '-history.damaged']
const SUFFIXES = ['', '-wal', '-shm', '-journal', '-reserve', '-boot', '-wake', ...HISTORY]

/** Removes the store at `path` with all that belongs to it. True where there was any of it. Nobody may have it open. */
export async function removeStoreFiles(path: string): Promise<boolean> {
  const names = new Set(SUFFIXES.map((suffix) => basename(path) + suffix))
  const found = (await readdir(dirname(path)).catch(() => [])).filter((name) => names.has(name))
  for (const name of found) await rm(join(dirname(path), name), { recursive: true, force: true })
  return found.length > 0
}
