/** What was seen of programs, kept in a small file so that a restart of nsctl does not forget it. Gone after a reboot. */
import type { Clock } from '../../core/clock.ts'
import { isObject } from '../../core/json.ts'
import type { Layout } from './layout.ts'
import type { ProgramTracker, Remembered } from './tracker.ts'

const SAVE_AFTER_MS = 200

/** What an earlier process of ours left; nothing where there is no such file, or it is torn. */
export function readMemories({ memoryFile, disk }: Layout): readonly Remembered[] {
  try {
    const value: unknown = JSON.parse(disk.read(memoryFile)?.toString() ?? 'null')
    if (isObject(value) && Array.isArray(value.programs)) return value.programs as Remembered[]
  } catch {
    // exits that are forgotten are learned from the journal
  }
  return []
}

/** Writes `tracker`'s memories soon after they changed. Returns what writes them now and ends it. */
export function keepMemories(
  { memoryFile, disk }: Layout,
  tracker: ProgramTracker,
  clock: Clock,
): () => void {
  let cancel: (() => void) | undefined
  const save = () => {
    cancel = undefined
    const programs = tracker.memories()
    if (programs.length === 0) disk.remove(memoryFile)
    else disk.write(memoryFile, JSON.stringify({ programs }), { mode: 0o600 })
  }
  const unsubscribe = tracker.onChange(() => {
    cancel ??= clock.schedule(SAVE_AFTER_MS, save)
  })
  return () => {
    unsubscribe()
    cancel?.()
    save()
  }
}
